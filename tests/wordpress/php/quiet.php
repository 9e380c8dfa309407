<?php
// A must-use plugin of the tests: nobody looks for updates, the way out is closed.
remove_action('init', 'wp_schedule_update_checks');
add_filter('pre_schedule_event', function ($schedule, $event) {
    $outside = array('wp_version_check', 'wp_update_plugins', 'wp_update_themes', 'wp_https_detection');
    return in_array($event->hook, $outside, true) ? false : $schedule;
}, 10, 2);
