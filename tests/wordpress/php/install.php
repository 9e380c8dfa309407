// What the five-minute install does, and the settings of a regional newsroom.
if (!is_blog_installed()) {
    wp_install('Түркістан — Туркестан: новости области', 'admin', 'admin@wordpress.example', true, '',
        $given['password'], $given['language']);
}
foreach (array(1, 2, 3) as $sample) {
    wp_delete_post($sample, true);
}
foreach ($given['options'] as $name => $value) {
    update_option($name, $value);
}
switch_theme($given['theme']);
$wp_rewrite->init();
$wp_rewrite->set_permalink_structure('/%year%/%monthnum%/%postname%/');
$wp_rewrite->flush_rules(false);
return array('version' => get_bloginfo('version'), 'language' => get_bloginfo('language'));
