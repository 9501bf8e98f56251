//! Requests that do not say well who asks.

use super::*;

/// Nothing of who asks is guessed: a request that says so badly is refused, and never the operator's.
#[tokio::test]
async fn a_request_that_says_badly_who_asks_is_nobodys() {
    let place = Place::new().await;
    let good = place.pass.token().reveal();
    for identity in [
        json!(null),
        json!({}),
        json!("operator"),
        json!({ "path": "/root" }),
        json!({ "token": good }),
        json!({ "path": ME, "token": null }),
        json!({ "path": ME, "token": "" }),
        json!({ "path": ME, "token": &good[..good.len() - 1] }),
        json!({ "path": ME, "token": good.to_uppercase() }),
        json!({ "path": "/root", "token": good }),
        json!({ "path": "/root/p/me/kid", "token": good }),
        json!({ "path": ME, "token": good, "operator": true }),
    ] {
        let said = json!({ "as": identity, "verb": "jobs" }).to_string();
        let answer = crate::control::respond(&place.runtime, crate::control::read(said.as_bytes())).await;
        let answer = serde_json::to_value(answer).unwrap();
        let code = answer["error"]["code"].as_str().unwrap_or_default();
        assert!(["usage", "bad_token"].contains(&code), "{said}: {answer}");
    }
    place.end().await;
}
