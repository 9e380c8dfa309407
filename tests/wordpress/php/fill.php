// Posts, attachments, people and terms as rows, as fast as the database takes them; ids, guids, slugs
// and dates are those of the export.
global $wpdb;
$wpdb->query('SET autocommit = 0');
$wpdb->suppress_errors(false);
foreach ($given['users'] as $user) {
    $wpdb->query($wpdb->prepare(
        "REPLACE INTO $wpdb->users (ID, user_login, user_pass, user_nicename, user_email, user_url, user_registered, user_activation_key, user_status, display_name)
         VALUES (%d, %s, '', %s, %s, '', '2018-01-01 00:00:00', '', 0, %s)",
        $user['id'], $user['login'], sanitize_title(sanitize_user($user['login'], true)), $user['email'], $user['name']));
    $wpdb->replace($wpdb->usermeta, array('user_id' => $user['id'], 'meta_key' => $wpdb->prefix . 'capabilities', 'meta_value' => serialize(array('author' => true))));
}
foreach ($given['terms'] as $term) {
    $wpdb->replace($wpdb->terms, array('term_id' => $term['id'], 'name' => $term['name'], 'slug' => $term['slug'], 'term_group' => 0));
    $wpdb->replace($wpdb->term_taxonomy, array('term_taxonomy_id' => $term['id'], 'term_id' => $term['id'], 'taxonomy' => $term['taxonomy'], 'description' => $term['description'], 'parent' => $term['parent'], 'count' => 0));
}
foreach ($given['posts'] as $post) {
    $meta = $post['meta'];
    $terms = $post['terms'];
    unset($post['meta'], $post['terms']);
    $wpdb->replace($wpdb->posts, $post + array('to_ping' => '', 'pinged' => '', 'post_content_filtered' => ''));
    foreach ($meta as $pair) {
        $wpdb->insert($wpdb->postmeta, array('post_id' => $post['ID'], 'meta_key' => $pair[0], 'meta_value' => $pair[1]));
    }
    foreach ($terms as $term) {
        $wpdb->replace($wpdb->term_relationships, array('object_id' => $post['ID'], 'term_taxonomy_id' => $term));
    }
}
if ($given['sticky']) {
    update_option('sticky_posts', array_values(array_unique(array_merge(get_option('sticky_posts', array()), $given['sticky']))));
}
$wpdb->query(
    "UPDATE $wpdb->term_taxonomy tt SET count = (SELECT COUNT(*) FROM $wpdb->term_relationships tr
     JOIN $wpdb->posts p ON p.ID = tr.object_id WHERE tr.term_taxonomy_id = tt.term_taxonomy_id AND p.post_status = 'publish')");
$wpdb->query('COMMIT');
wp_cache_flush();
return (int) $wpdb->get_var("SELECT COUNT(*) FROM $wpdb->posts WHERE post_type = 'post'");
