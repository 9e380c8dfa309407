<?php
// A WordPress of the tests: a database on a socket in the private folder, no way out but loopback.
$folder = dirname(__DIR__);
// Constants that a test sets for a while.
if (is_file("$folder/constants.php")) {
    require "$folder/constants.php";
}
define('DB_NAME', 'wordpress');
define('DB_USER', 'root');
define('DB_PASSWORD', '');
define('DB_HOST', "localhost:$folder/mysql.sock");
define('DB_CHARSET', 'utf8mb4');
define('DB_COLLATE', '');
$table_prefix = 'wp_';
define('WP_HOME', trim(file_get_contents("$folder/url")));
define('WP_SITEURL', WP_HOME);
// Application passwords over plain HTTP.
define('WP_ENVIRONMENT_TYPE', 'local');
defined('DISABLE_WP_CRON') || define('DISABLE_WP_CRON', false);
define('WP_HTTP_BLOCK_EXTERNAL', true);
define('WP_ACCESSIBLE_HOSTS', '127.0.0.1,localhost');
define('AUTOMATIC_UPDATER_DISABLED', true);
define('WP_AUTO_UPDATE_CORE', false);
define('DISALLOW_FILE_MODS', true);
define('WP_DEBUG', false);
define('FS_METHOD', 'direct');
foreach (array('AUTH_KEY', 'SECURE_AUTH_KEY', 'LOGGED_IN_KEY', 'NONCE_KEY',
               'AUTH_SALT', 'SECURE_AUTH_SALT', 'LOGGED_IN_SALT', 'NONCE_SALT') as $name) {
    define($name, hash('sha256', $name . WP_HOME));
}
if (!defined('ABSPATH')) {
    define('ABSPATH', __DIR__ . '/');
}
require_once ABSPATH . 'wp-settings.php';
