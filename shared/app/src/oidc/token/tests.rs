//! Tokens of another implementation (Python's `cryptography`), and what must be refused.

use serde_json::json;

use super::*;

/// Two keys that sign, one that does not, and one of another kind.
const KEYS: &str = concat!(
    "{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"rsa\",\"use\":\"sig\",\"alg\":\"RS256\",\"n\":\"5pDyqaBxxTh8RukYVoe0ZxYv7w5Ksosk0U6",
    "2pFIdzpHIeHn-z5Acg8HGIG2noLHmg53Jczz4auAzCLFiN1zvSQ550nFuxDQsFf-xrEE8mkjm9INZyA0PSWocJiu_7BF6KRdaT4V",
    "qd4l5_CPjlUlcx-j8Ailbi1IK5EXtU7qWuFD4p3Uo-2NfKX4_ZJPyKOEhFExfq-Z-PH6SxXiNFYB-flYnTDARcGDKOEnKZcus4gA",
    "CDC_iOMfITaueRblP1l3zyvyn-uvkv2-TgAcDiCzIuLrJ_mQbu2BdwurX_smwMU7gEeIeERw1AHsFWHUEzKxvIoDzADEk4bK6rVf",
    "gX4iRtQ\",\"e\":\"AQAB\"},{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"ec\",\"x\":\"p6nlIwWP1BdX6rxc53pK0BrUno3x8ue2wPWSH",
    "aCjIc0\",\"y\":\"zd61XK_ASNs6L9ffzSA21Zx2ZKkRgDqeHEAaMid_d0w\"},{\"kty\":\"RSA\",\"kid\":\"enc\",\"use\":\"enc\",\"n\":",
    "\"5pDyqaBxxTh8RukYVoe0ZxYv7w5Ksosk0U62pFIdzpHIeHn-z5Acg8HGIG2noLHmg53Jczz4auAzCLFiN1zvSQ550nFuxDQsFf-",
    "xrEE8mkjm9INZyA0PSWocJiu_7BF6KRdaT4Vqd4l5_CPjlUlcx-j8Ailbi1IK5EXtU7qWuFD4p3Uo-2NfKX4_ZJPyKOEhFExfq-Z",
    "-PH6SxXiNFYB-flYnTDARcGDKOEnKZcus4gACDC_iOMfITaueRblP1l3zyvyn-uvkv2-TgAcDiCzIuLrJ_mQbu2BdwurX_smwMU7",
    "gEeIeERw1AHsFWHUEzKxvIoDzADEk4bK6rVfgX4iRtQ\",\"e\":\"AQAB\"},{\"kty\":\"oct\",\"kid\":\"oct\",\"k\":\"AAAA\"}]}",
);

/// Signed with the RSA key.
const RS256: &str = concat!(
    "eyJhbGciOiJSUzI1NiIsImtpZCI6InJzYSJ9.eyJpc3MiOiJodHRwczovL2lkcC5leGFtcGxlLmNvbSIsImF1ZCI6ImZpcmViZWx",
    "sIiwic3ViIjoiMSIsImV4cCI6MTgwMDAwMDYwMCwiaWF0IjoxODAwMDAwMDAwLCJub25jZSI6Im4iLCJlbWFpbCI6ImFkYUBleGF",
    "tcGxlLmNvbSIsImVtYWlsX3ZlcmlmaWVkIjp0cnVlfQ.UhEaV5cUvdc7Y1SHYNqdXTpHKcUi-FAfRBJD-aJMoiBK_53oCAdJC0-L",
    "6M4YW7ZvGSB2mZJ7GD3_y0G4u22udOiL_72JBFcyqc4DwYKD8w8QOhzu1El2kV2mXoX9jLnOVsdcuNMqiPrS0GD-BNcX_n-35qJ1",
    "R_9JjYmalrTTYXdwqQWYupzKBVttddw30M2Um6EjCSERxiVVQuOIK0zxUVTXcJPlU72waPhRGKhGHqQo2bRtrR5HTVb7rx5xkXSO",
    "G8NYpy5TGgKZE4GobU4H6xCPRBPBVvXw-PBkE319vIRmdKb7WeCq76SxtCZtktMd6F30Z4dW7TW-K50YteYxfQ",
);

/// Signed with the key on the curve.
const ES256: &str = concat!(
    "eyJhbGciOiJFUzI1NiIsImtpZCI6ImVjIn0.eyJpc3MiOiJodHRwczovL2lkcC5leGFtcGxlLmNvbSIsImF1ZCI6ImZpcmViZWxs",
    "Iiwic3ViIjoiMSIsImV4cCI6MTgwMDAwMDYwMCwiaWF0IjoxODAwMDAwMDAwLCJub25jZSI6Im4iLCJlbWFpbCI6ImFkYUBleGFt",
    "cGxlLmNvbSIsImVtYWlsX3ZlcmlmaWVkIjp0cnVlfQ.ZHq1Zkckome7lbn4XqxvWajAQ4xxLnPjVpV0M8G6OgMYGjrWY_nkCSMVe",
    "YjH6DVF0_ssJTuqoOWegphdR1-5VA",
);

/// Signed with nothing.
const NONE: &str = concat!(
    "eyJhbGciOiJub25lIiwia2lkIjoicnNhIn0.eyJpc3MiOiJodHRwczovL2lkcC5leGFtcGxlLmNvbSIsImF1ZCI6ImZpcmViZWxs",
    "Iiwic3ViIjoiMSIsImV4cCI6MTgwMDAwMDYwMCwiaWF0IjoxODAwMDAwMDAwLCJub25jZSI6Im4iLCJlbWFpbCI6ImFkYUBleGFt",
    "cGxlLmNvbSIsImVtYWlsX3ZlcmlmaWVkIjp0cnVlfQ.",
);

/// Signed with the public RSA key, as if that were a secret.
const HS256: &str = concat!(
    "eyJhbGciOiJIUzI1NiIsImtpZCI6InJzYSJ9.eyJpc3MiOiJodHRwczovL2lkcC5leGFtcGxlLmNvbSIsImF1ZCI6ImZpcmViZWx",
    "sIiwic3ViIjoiMSIsImV4cCI6MTgwMDAwMDYwMCwiaWF0IjoxODAwMDAwMDAwLCJub25jZSI6Im4iLCJlbWFpbCI6ImFkYUBleGF",
    "tcGxlLmNvbSIsImVtYWlsX3ZlcmlmaWVkIjp0cnVlfQ.EEKUq0YUe_PPfTXGp5CfCXmtKLQSd6sYnKhPfUZyqKg",
);

fn keys() -> Vec<Key> {
    keys_of(serde_json::from_str(KEYS).unwrap())
}

fn expected() -> Expected<'static> {
    let now = Timestamp::from_second(1_800_000_000).unwrap();
    Expected { issuer: "https://idp.example.com", client_id: "firebell", nonce: "n", now }
}

fn verified(token: &str, keys: &[Key]) -> Result<String, OidcError> {
    Unverified::parse(token)?.verified(keys, &expected())
}

#[test]
fn tokens_of_another_implementation_are_believed() {
    assert_eq!(keys().len(), 2, "keys that do not sign are left out");
    for token in [RS256, ES256] {
        assert_eq!(verified(token, &keys()).unwrap(), "ada@example.com");
    }
}

#[test]
fn token_that_no_key_of_the_provider_has_signed_is_refused() {
    let (header, rest) = RS256.split_once('.').unwrap();
    let (claims, signature) = rest.split_once('.').unwrap();
    let other_claims = URL_SAFE_NO_PAD
        .encode(String::from_utf8(URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap().replace("ada@", "eve@"));
    let (es_header, _) = ES256.split_once('.').unwrap();
    for (case, token) in [
        ("no signature", NONE.to_owned()),
        ("the public key as a secret", HS256.to_owned()),
        ("other claims", format!("{header}.{other_claims}.{signature}")),
        ("another key's name and way", format!("{es_header}.{claims}.{signature}")),
        ("an empty signature", format!("{header}.{claims}.")),
        ("two parts", format!("{header}.{claims}")),
        ("four parts", format!("{RS256}.x")),
        ("nothing", String::new()),
    ] {
        assert!(matches!(verified(&token, &keys()), Err(OidcError::Refused(_))), "{case}");
    }
    let without: Vec<Key> = keys().into_iter().filter(|key| !key.is_named("rsa")).collect();
    assert!(verified(RS256, &without).is_err(), "a token names a key that is not there");
}

#[test]
fn token_that_says_anything_else_than_it_must_is_refused() {
    let good = json!({
        "iss": "https://idp.example.com", "aud": "firebell", "exp": 1_800_000_600, "iat": 1_800_000_000,
        "nonce": "n", "email": "ada@example.com", "email_verified": true,
    });
    let check = |claims: &Value| {
        let claims: Claims = serde_json::from_value(claims.clone()).map_err(|_| OidcError::Forged)?;
        claims.check(&expected())
    };
    let with = |field: &str, value: Value| {
        let mut claims = good.clone();
        claims[field] = value;
        claims
    };

    assert_eq!(check(&good).unwrap(), "ada@example.com");
    for (field, value) in [
        ("iss", json!("https://idp.example.com/")),
        ("aud", json!(["firebell"])),
        ("azp", json!("firebell")),
        ("email_verified", json!("true")),
        ("exp", json!(1_800_000_000 - 59)),
        ("iat", json!(1_800_000_000 + 60)),
    ] {
        assert!(check(&with(field, value.clone())).is_ok(), "{field}: {value}");
    }
    for (field, value) in [
        ("iss", json!("https://idp.example.com.evil.example")),
        ("iss", Value::Null),
        ("aud", json!("another")),
        ("aud", json!([])),
        ("aud", json!(["firebell", "another"])),
        ("azp", json!("another")),
        ("exp", json!(1_800_000_000 - 60)),
        ("exp", Value::Null),
        ("iat", json!(1_800_000_000 + 61)),
        ("nonce", json!("m")),
        ("nonce", json!("")),
        ("nonce", Value::Null),
        ("email", Value::Null),
        ("email", json!("")),
        ("email_verified", json!(false)),
        ("email_verified", json!("false")),
        ("email_verified", json!(1)),
        ("email_verified", Value::Null),
    ] {
        assert!(check(&with(field, value.clone())).is_err(), "{field}: {value}");
    }
}
