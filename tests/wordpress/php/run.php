<?php
// Runs PHP inside WordPress as its administrator: the code and what is given to it come as JSON on
// standard input, what the code returns goes out as JSON on standard output.
$asked = json_decode(stream_get_contents(STDIN), true, 512, JSON_THROW_ON_ERROR);
$_SERVER['HTTP_HOST'] = $asked['host'];
$_SERVER['REQUEST_METHOD'] = 'GET';
$_SERVER['REQUEST_URI'] = '/';
$_SERVER['REMOTE_ADDR'] = '127.0.0.1';
ini_set('display_errors', 'stderr');
ini_set('memory_limit', '512M');
ob_start();
if (!empty($asked['installing'])) {
    define('WP_INSTALLING', true);
    // Nobody is to be told by mail.
    function wp_new_blog_notification(...$any) {}
}
require $asked['www'] . '/wp-load.php';
foreach (array('upgrade', 'post', 'user', 'taxonomy', 'plugin', 'image', 'export') as $part) {
    require_once ABSPATH . "wp-admin/includes/$part.php";
}
if (empty($asked['installing'])) {
    wp_set_current_user(1);
}
$answer = (function ($given) use ($asked) {
    global $wpdb, $wp_rewrite;
    return eval($asked['code']);
})($asked['given']);
$said = ob_get_clean();
if ($said !== '') {
    fwrite(STDERR, $said);
}
echo json_encode($answer, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES | JSON_THROW_ON_ERROR);
