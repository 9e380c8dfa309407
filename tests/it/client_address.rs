//! Whose hit it is, behind proxies and without.

use std::net::IpAddr;

use ipnet::IpNet;
use jarshy::{
    model::Verdict,
    views::{Hit, client_address},
};
use proptest::prelude::*;

use crate::views::{Newsroom, hit, settings};

#[test]
fn the_client_is_the_right_most_address_that_is_not_ours() {
    let trusted: Vec<IpNet> =
        ["127.0.0.0/8", "10.0.0.0/8", "::1/128"].map(|net| net.parse().unwrap()).to_vec();
    let cases: &[(&str, &[&str], &[&str], &str)] = &[
        // Nobody believes a stranger.
        ("203.0.113.1", &["1.1.1.1"], &[], "203.0.113.1"),
        ("127.0.0.1", &[], &[], "127.0.0.1"),
        ("127.0.0.1", &["198.51.100.7"], &[], "198.51.100.7"),
        ("127.0.0.1", &["1.1.1.1, 198.51.100.7"], &[], "198.51.100.7"),
        ("127.0.0.1", &["1.1.1.1, 198.51.100.7,10.1.2.3"], &[], "198.51.100.7"),
        ("127.0.0.1", &["1.1.1.1", "198.51.100.7", "10.1.2.3"], &[], "198.51.100.7"),
        // All ours: the farthest.
        ("127.0.0.1", &["10.9.9.9, 10.1.2.3"], &[], "10.9.9.9"),
        // Garbage ends the walk at the last good one.
        ("127.0.0.1", &["198.51.100.7, junk"], &[], "127.0.0.1"),
        ("127.0.0.1", &["198.51.100.7, junk, 10.1.2.3"], &[], "10.1.2.3"),
        ("127.0.0.1", &[""], &[], "127.0.0.1"),
        ("127.0.0.1", &["198.51.100.7,"], &[], "127.0.0.1"),
        ("127.0.0.1", &["198.51.100.7:4711"], &[], "198.51.100.7"),
        ("127.0.0.1", &["2001:db8::7"], &[], "2001:db8::7"),
        ("127.0.0.1", &["[2001:db8::7]:443"], &[], "2001:db8::7"),
        ("127.0.0.1", &["[2001:db8::7]"], &[], "2001:db8::7"),
        // One address, however it is written.
        ("::ffff:127.0.0.1", &["::ffff:198.51.100.7"], &[], "198.51.100.7"),
        ("::ffff:203.0.113.1", &["1.1.1.1"], &[], "203.0.113.1"),
        ("::1", &["198.51.100.7"], &[], "198.51.100.7"),
        // RFC 7239.
        ("127.0.0.1", &[], &["for=198.51.100.7;proto=https;by=10.0.0.1"], "198.51.100.7"),
        ("127.0.0.1", &[], &["For=\"[2001:db8:cafe::17]:4711\""], "2001:db8:cafe::17"),
        ("127.0.0.1", &[], &["for=1.1.1.1, proto=http; for=198.51.100.7"], "198.51.100.7"),
        ("127.0.0.1", &[], &["for=1.1.1.1", "for=198.51.100.7"], "198.51.100.7"),
        ("127.0.0.1", &[], &["for=198.51.100.7, for=unknown"], "127.0.0.1"),
        ("127.0.0.1", &[], &["for=198.51.100.7, for=_hidden, for=10.1.1.1"], "10.1.1.1"),
        ("127.0.0.1", &[], &["for=\"a,for=1.1.1.1\""], "127.0.0.1"),
        ("127.0.0.1", &[], &["for=\"1.1.1.1, for=198.51.100.7"], "127.0.0.1"),
        ("127.0.0.1", &[], &["proto=https"], "127.0.0.1"),
        ("127.0.0.1", &["198.51.100.7"], &["for=1.1.1.1"], "198.51.100.7"),
    ];
    for (peer, x_forwarded_for, forwarded, expected) in cases {
        let bytes =
            |lines: &&[&'static str]| lines.iter().map(|l| l.as_bytes()).collect::<Vec<_>>();
        let address = client_address(
            peer.parse().unwrap(),
            &bytes(x_forwarded_for),
            &bytes(forwarded),
            &trusted,
        );
        let expected: IpAddr = expected.parse().unwrap();
        assert_eq!(address, expected, "{peer} {x_forwarded_for:?} {forwarded:?}");
    }
}

proptest! {
    #[test]
    fn no_forwarding_header_breaks_the_walk(line in ".{0,80}", other in "[ -~]{0,80}") {
        let trusted: Vec<IpNet> = vec!["127.0.0.0/8".parse().unwrap()];
        let peer: IpAddr = "127.0.0.1".parse().unwrap();
        client_address(peer, &[line.as_bytes()], &[], &trusted);
        client_address(peer, &[], &[other.as_bytes(), line.as_bytes()], &trusted);
        // A stranger is himself, whatever he says.
        let stranger: IpAddr = "192.0.2.1".parse().unwrap();
        prop_assert_eq!(client_address(stranger, &[line.as_bytes()], &[], &trusted), stranger);
    }
}

#[tokio::test]
async fn behind_a_proxy_visitors_differ_by_the_forwarded_address() {
    let newsroom = Newsroom::with_articles(&settings(), 1).await;
    for (client, expected) in [
        (&b"198.51.100.1"[..], Verdict::Counted),
        (b"198.51.100.2", Verdict::Counted),
        (b"198.51.100.1", Verdict::Repeat),
        (b"6.6.6.6, 198.51.100.1", Verdict::Repeat),
    ] {
        let lines = [client];
        let behind = Hit { x_forwarded_for: &lines, ..hit("a0", "127.0.0.1") };
        assert_eq!(newsroom.views.hit(behind).await, Ok(expected));
    }
}
