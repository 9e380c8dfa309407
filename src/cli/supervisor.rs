//! What systemd is told, where there is one: ready, reloading, stopping, and that we live.

use std::net::SocketAddr;

use sd_notify::NotifyState;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// The smallest question; any answer to it is a sign of life.
const QUESTION: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/// Documents are served.
pub(super) fn ready() {
    tell(&[NotifyState::Ready]);
}

/// Settings are read anew; [`ready`] follows.
pub(super) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(_) => tell(&[NotifyState::Reloading]),
    }
}

/// No new connections.
pub(super) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Tells the watchdog that the daemon lives, as long as both listeners answer. Without a watchdog
/// this returns.
pub(super) async fn feed_watchdog(listeners: [SocketAddr; 2]) {
    let Some(limit) = sd_notify::watchdog_enabled() else { return };
    let pause = limit / 3;
    loop {
        tokio::time::sleep(pause).await;
        let mut alive = true;
        for listener in listeners {
            alive &= matches!(tokio::time::timeout(pause, answers(listener)).await, Ok(Ok(())));
        }
        if alive {
            tell(&[NotifyState::Watchdog]);
        } else {
            tracing::error!("a listener does not answer; systemd will start jarshy again");
        }
    }
}

async fn answers(mut listener: SocketAddr) -> std::io::Result<()> {
    if listener.ip().is_unspecified() {
        let loopback = match listener {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        };
        listener.set_ip(loopback);
    }
    let mut stream = TcpStream::connect(listener).await?;
    stream.write_all(QUESTION).await?;
    let mut first = [0; 9];
    stream.read_exact(&mut first).await?;
    Ok(())
}

/// Without systemd this does nothing.
fn tell(state: &[NotifyState<'_>]) {
    // Nobody to tell is no failure.
    let _ = sd_notify::notify(state);
}
