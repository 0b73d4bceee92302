//! Which tokens are let in, and for what.

use crate::support::{
    http::Client,
    socket::{Socket, ticket},
    token::{claims, header, keys, sign, with_claims},
    user::User,
};
use serde_json::json;

fn me(token: &str) -> u16 {
    let answer = Client::new().request("GET", "/auth/me").bearer(token).send();
    if answer.status == 401 {
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{answer:?}");
    }
    answer.status
}

#[test]
fn a_token_is_good_where_the_clock_is_a_little_behind() {
    let claims = claims(&User::register().access);
    let number = |name: &str| claims[name].as_i64().unwrap();
    assert!(number("nbf") <= number("iat") - 60, "{claims}");
    assert_eq!(number("exp"), number("iat") + 3600, "and ends no later for it");
}

#[test]
fn must_hold_01_only_hs256_with_a_known_kid_is_accepted() {
    let user = User::register();
    let (header, claims) = (header(&user.access), claims(&user.access));
    // By its name: another test may be changing the first of them.
    let (kid, secret) = keys().into_iter().find(|(kid, _)| header["kid"] == *kid).unwrap();
    assert_eq!(header["alg"], "HS256");
    assert_eq!(me(&sign(&header, &claims, &secret)), 200, "a token signed here by the rules is like one of theirs");

    let unsigned = sign(&json!({"alg": "none", "kid": kid}), &claims, &secret);
    let unsigned = unsigned.rsplit_once('.').unwrap().0.to_owned() + ".";
    let own_key = json!({"kty": "oct", "k": "c2VjcmV0"});
    let forged = [
        ("alg none", unsigned),
        ("alg None, signed", sign(&json!({"alg": "None", "kid": kid}), &claims, &secret)),
        ("RS256 in the header", sign(&json!({"alg": "RS256", "kid": kid}), &claims, &secret)),
        ("HS512 in the header", sign(&json!({"alg": "HS512", "kid": kid}), &claims, &secret)),
        ("no alg", sign(&json!({"kid": kid}), &claims, &secret)),
        ("no kid", sign(&json!({"alg": "HS256"}), &claims, &secret)),
        ("unknown kid", sign(&json!({"alg": "HS256", "kid": "another"}), &claims, &secret)),
        ("kid as a path", sign(&json!({"alg": "HS256", "kid": "../../dev/null"}), &claims, "")),
        ("wrong key", sign(&header, &claims, "another secret of some length, which nobody here knows")),
        ("empty key", sign(&header, &claims, "")),
        ("brings its key", sign(&json!({"alg": "HS256", "kid": kid, "jwk": own_key}), &claims, &secret)),
        (
            "says where its key is",
            sign(&json!({"alg": "HS256", "kid": kid, "jku": "http://127.0.0.1/keys"}), &claims, &secret),
        ),
        (
            "names a certificate",
            sign(&json!({"alg": "HS256", "kid": kid, "x5u": "http://127.0.0.1/x"}), &claims, &secret),
        ),
        ("signature cut off", user.access.rsplit_once('.').unwrap().0.to_owned()),
        (
            "signature of another",
            format!("{}.{}", user.access.rsplit_once('.').unwrap().0, user.refresh.rsplit_once('.').unwrap().1),
        ),
        ("nothing of a token", "x".repeat(3000)),
        ("dots", "..".into()),
    ];
    for (what, token) in forged {
        assert_eq!(me(&token), 401, "{what}");
        assert_eq!(Socket::open(&format!("token={token}")).err(), Some(401), "{what}, for a socket");
    }
}

#[test]
fn must_hold_02_a_token_works_for_what_it_was_made_and_nothing_else() {
    let user = User::register();
    let now = claims(&user.access)["iat"].as_i64().unwrap();
    assert_eq!(me(&with_claims(&user.access, &json!({}))), 200);
    let refused = [
        ("another issuer", json!({"iss": "somebody"})),
        ("another audience", json!({"aud": "somebody"})),
        ("over", json!({"exp": now - 1})),
        ("without an end", json!({"exp": null})),
        ("without an issuer", json!({"iss": null})),
        ("without an audience", json!({"aud": null})),
        ("without a user", json!({"sub": null})),
        ("without a session", json!({"sid": null})),
        ("not yet", json!({"nbf": now + 600})),
        ("of another kind", json!({"type": "refresh"})),
        ("of no kind", json!({"type": null})),
        ("a mailed one", json!({"type": "reset"})),
        ("of a user that is none", json!({"sub": uuid::Uuid::now_v7()})),
        ("of a session that is none", json!({"sid": uuid::Uuid::now_v7()})),
    ];
    for (what, change) in refused {
        let token = with_claims(&user.access, &change);
        assert_eq!(me(&token), 401, "{what}");
        assert_eq!(Socket::open(&format!("token={token}")).err(), Some(401), "{what}, for a socket");
    }

    assert_eq!(me(&user.refresh), 401, "a refresh token is no access token");
    assert_eq!(me(&with_claims(&user.refresh, &json!({"type": "refresh", "exp": now + 60}))), 401);
    assert_eq!(Socket::open(&format!("token={}", user.refresh)).err(), Some(401), "nor does it open a socket");
    let ticket = ticket(&user);
    assert_eq!(me(&ticket), 401, "a ticket is no access token");
    assert_eq!(Socket::open(&format!("token={ticket}")).err(), Some(401), "nor is it a token for a socket");
    assert_eq!(Socket::open(&format!("ticket={}", user.access)).err(), Some(401), "an access token is no ticket");
    for token in [&user.access, &ticket] {
        let answer = user.client.post("/auth/refresh", &json!({"refresh_token": token}));
        assert_eq!(answer.problem(401), "invalid_refresh_token");
    }
}
