//! What is wrong, for `/readyz`: each reason a sentence that an operator can act on.

use super::Parts;

/// The reasons why the daemon cannot do all it promises; none when it can.
pub async fn reasons(parts: &Parts) -> Vec<String> {
    let mut reasons = Vec::new();
    if let Err(error) = parts.store.look_for_changes().await {
        reasons.push(format!("the article database cannot be read: {error}"));
    }
    if let Some(error) = parts.publisher.fault() {
        reasons.push(format!(
            "publishing cannot do all of its work, the article database fails: {error}; look at the disk"
        ));
    }
    if parts.views.is_failing() {
        reasons.push("views are refused, views.db cannot be written: look at the disk".to_owned());
    }
    for feed in parts.publisher.feeds().iter() {
        if let Some((at, why)) = &feed.failure {
            let (slug, at) = (&feed.slug, at.to_rfc3339());
            reasons.push(format!("feed {slug} was last not generated at {at}: {why}"));
        }
    }
    reasons
}
