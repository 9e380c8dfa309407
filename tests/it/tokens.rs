//! A token is shown once, may what its scope says, and ends when it is revoked or expires.

use jarshy::store::{Scope, split_token};

use crate::desk::{NOON, desk};

#[tokio::test]
async fn a_token_is_known_by_its_secret_only() {
    let desk = desk().await;
    let new = desk.store.create_token(Scope::Write, Some("cms".into()), None, NOON).await.unwrap();
    let (id, secret) = split_token(&new.text).unwrap();
    assert_eq!(id, new.id);
    assert_eq!(secret.len(), 43);
    let token = desk.store.find_token(id).await.unwrap().unwrap();
    assert!(token.has_secret(secret) && token.is_valid(NOON));
    assert!(!token.has_secret(&secret[1..]) && !token.has_secret(""));
    assert_eq!((token.scope, token.name.as_deref()), (Scope::Write, Some("cms")));
    assert_eq!(desk.store.find_token("nobody").await.unwrap(), None);
    let said = format!("{new:?} {token:?}");
    assert!(!said.contains(secret), "a secret is never logged: {said}");
}

#[tokio::test]
async fn the_secret_is_not_in_the_file() {
    let desk = desk().await;
    let new = desk.store.create_token(Scope::Admin, None, None, NOON).await.unwrap();
    let (_, secret) = split_token(&new.text).unwrap();
    for file in std::fs::read_dir(desk.folder()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(secret.len()).any(|w| w == secret.as_bytes()));
    }
}

#[tokio::test]
async fn tokens_end() {
    let desk = desk().await;
    let end = NOON.plus(1000);
    let expiring = desk.store.create_token(Scope::Read, None, Some(end), NOON).await.unwrap();
    let token = desk.store.find_token(&expiring.id).await.unwrap().unwrap();
    assert!(token.is_valid(NOON.plus(999)) && !token.is_valid(end));

    assert!(desk.store.revoke_token(&expiring.id, NOON).await.unwrap());
    assert!(desk.store.revoke_token(&expiring.id, end).await.unwrap());
    let token = desk.store.find_token(&expiring.id).await.unwrap().unwrap();
    assert_eq!(token.revoked_at, Some(NOON));
    assert!(!token.is_valid(NOON));
    assert!(!desk.store.revoke_token("nobody", NOON).await.unwrap());
    assert_eq!(desk.store.tokens().await.unwrap(), [token]);
}

#[test]
fn what_cannot_be_a_token_is_none() {
    for text in ["", "jsy_", "jsy_a", "jsy_a_", "jsy__b", "jsy_a_b_c", "JSY_a_b", "jsy_ä_b", "x"] {
        assert_eq!(split_token(text), None, "{text}");
    }
    assert_eq!(split_token(&format!("jsy_a_{}", "b".repeat(65))), None);
    assert_eq!(split_token("jsy_a1_B2"), Some(("a1", "B2")));
}
