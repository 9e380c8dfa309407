<?php
/**
 * Plugin Name: jarshy views
 * Description: Counts the pages of published posts with jarshy and shows the number under the headline.
 *
 * Copy it to wp-content/mu-plugins/ (make the folder if it is not there). It needs no activation, writes
 * nothing, and asks nothing while a page is made, so that page caches may keep the page as it is. In
 * wp-config.php, above "That's all":
 *
 *   define('JARSHY_URL', 'https://feeds.news.example');  // jarshy's public address, as readers reach it
 *
 * and, where wanted:
 *
 *   define('JARSHY_COUNT', 'before');      // the number before the text of a post, or 'after' it
 *   define('JARSHY_COUNT_LABEL', 'Views: ');  // what stands before the number
 *   define('JARSHY_PING', 'http://127.0.0.1:8080/ping');  // wake jarshy when something is published or changed
 *   define('JARSHY_PREFIX', 'wp');         // of article ids; what the source's `prefix` is in jarshy
 *   define('JARSHY_TYPES', 'post');        // post types, with commas: what the source's `types` are
 *
 * In a theme the number is `<?php echo jarshy_count(); ?>`, in lists too; in a text it is the shortcode
 * [jarshy_count].
 */

defined('ABSPATH') || exit;

/** A constant of wp-config.php, or what is usual. */
function jarshy_setting($name, $usual = '') {
    return defined($name) ? constant($name) : $usual;
}

/** jarshy's id of a post that everybody may read; empty for drafts, private and protected ones. */
function jarshy_article($post = null) {
    $post = get_post($post);
    $types = array_map('trim', explode(',', jarshy_setting('JARSHY_TYPES', 'post')));
    $public = $post && in_array($post->post_type, $types, true)
        && get_post_status($post) === 'publish' && $post->post_password === '';
    return $public ? jarshy_setting('JARSHY_PREFIX', 'wp') . '-' . $post->ID : '';
}

/** The number's place for a post; views.js fills it. Empty where nothing is to be shown. */
function jarshy_count($post = null) {
    $article = jarshy_article($post);
    $elsewhere = is_feed() || is_embed() || (defined('REST_REQUEST') && REST_REQUEST);
    if ($article === '' || $elsewhere || !jarshy_setting('JARSHY_URL')) {
        return '';
    }
    $GLOBALS['jarshy_counts'] = true;
    return '<span class="jarshy-count" data-jarshy-count="' . esc_attr($article) . '"></span>';
}
add_shortcode('jarshy_count', function () { return jarshy_count(); });

/** Whether this page is one article's own, shown to a reader. */
function jarshy_is_article_page() {
    return is_singular() && !is_preview() && !is_customize_preview() && !is_feed() && !is_embed();
}

// The page's own hit: the script, and an image for browsers without scripts. Where the page is no
// article's, but shows numbers, the script writes those and counts nothing.
add_action('wp_footer', function () {
    $jarshy = untrailingslashit(jarshy_setting('JARSHY_URL'));
    $article = jarshy_is_article_page() ? jarshy_article(get_queried_object()) : '';
    if ($jarshy === '' || ($article === '' && empty($GLOBALS['jarshy_counts']))) {
        return;
    }
    printf('<script async src="%s" data-article="%s"></script>' . "\n", esc_url("$jarshy/views.js"), esc_attr($article));
    if ($article !== '') {
        printf('<noscript><img src="%s" alt="" width="1" height="1"></noscript>' . "\n", esc_url("$jarshy/v/$article.gif"));
    }
});

// The number beside the text, for themes that do not place it themselves.
add_filter('the_content', function ($content) {
    $place = jarshy_setting('JARSHY_COUNT');
    $own = jarshy_is_article_page() && in_the_loop() && is_main_query() && get_the_ID() === get_queried_object_id();
    $count = $place && $own && !doing_filter('get_the_excerpt') ? jarshy_count() : '';
    if ($count === '') {
        return $content;
    }
    $labels = array('ru' => 'Количество просмотров: ', 'kk' => 'Қаралым саны: ');
    $language = substr(get_bloginfo('language'), 0, 2);
    $label = jarshy_setting('JARSHY_COUNT_LABEL', isset($labels[$language]) ? $labels[$language] : 'Views: ');
    $line = '<p class="jarshy-views">' . esc_html($label) . $count . '</p>';
    return $place === 'after' ? "$content\n$line" : "$line\n$content";
}, 20);

// jarshy as one of the update services that WordPress pings by itself after something is published.
add_filter('option_ping_sites', function ($sites) {
    $ping = jarshy_setting('JARSHY_PING');
    $shown = is_admin() && !wp_doing_cron(); // the settings page would save what it is shown
    return $ping && !$shown && strpos((string) $sites, $ping) === false ? trim("$sites\n$ping") : $sites;
}, 20);
