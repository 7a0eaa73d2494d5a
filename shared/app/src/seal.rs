//! Sealed secrets and signatures: AES-GCM and HMAC, both from one key of the installation.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf;
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use secrecy::{ExposeSecret, SecretString};

/// The two keys that are derived from the installation's key.
pub struct Seal {
    sealing: LessSafeKey,
    signing: hmac::Key,
    random: SystemRandom,
}

/// The error for a sealed secret that cannot be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a sealed secret cannot be opened: it was sealed with another key")]
pub struct Unopened;

/// The length of a derived key.
struct KeyLength;

impl hkdf::KeyType for KeyLength {
    fn len(&self) -> usize {
        32
    }
}

impl Seal {
    /// Derives the two keys from the installation's key.
    pub fn new(key: &SecretString) -> Self {
        let master = hkdf::Salt::new(hkdf::HKDF_SHA256, b"firebell").extract(key.expose_secret().as_bytes());
        let derive = |purpose: &[u8]| {
            let mut bytes = [0; 32];
            let purposes = [purpose];
            let derived = master.expand(&purposes, KeyLength).expect("32 bytes are fewer than HKDF allows");
            derived.fill(&mut bytes).expect("the length is the one asked for");
            bytes
        };
        let sealing = UnboundKey::new(&AES_256_GCM, &derive(b"seal")).expect("the key has 32 bytes");
        Self {
            sealing: LessSafeKey::new(sealing),
            signing: hmac::Key::new(hmac::HMAC_SHA256, &derive(b"sign")),
            random: SystemRandom::new(),
        }
    }

    /// New random bytes, encoded in letters, digits, `-` and `_`.
    pub fn random_token(&self, bytes: usize) -> String {
        let mut random = vec![0; bytes];
        self.random.fill(&mut random).expect("the system has randomness");
        URL_SAFE_NO_PAD.encode(random)
    }

    /// Seals a secret for one place; it can be opened only for the same place.
    pub fn seal(&self, place: &str, secret: &str) -> String {
        let mut nonce = [0; NONCE_LEN];
        self.random.fill(&mut nonce).expect("the system has randomness");
        let mut sealed = secret.as_bytes().to_vec();
        self.sealing
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(place.as_bytes()),
                &mut sealed,
            )
            .expect("a secret is shorter than AES-GCM allows");
        URL_SAFE_NO_PAD.encode([nonce.as_slice(), &sealed].concat())
    }

    /// Opens a secret that was sealed for this place.
    ///
    /// # Errors
    /// [`Unopened`] if it was sealed for another place or under another key.
    pub fn open(&self, place: &str, sealed: &str) -> Result<SecretString, Unopened> {
        let mut bytes = URL_SAFE_NO_PAD.decode(sealed).map_err(|_| Unopened)?;
        if bytes.len() < NONCE_LEN {
            return Err(Unopened);
        }
        let mut rest = bytes.split_off(NONCE_LEN);
        let nonce = Nonce::try_assume_unique_for_key(&bytes).map_err(|_| Unopened)?;
        let opened = self
            .sealing
            .open_in_place(nonce, Aad::from(place.as_bytes()), &mut rest)
            .map_err(|_| Unopened)?;
        String::from_utf8(opened.to_vec()).map(SecretString::from).map_err(|_| Unopened)
    }

    /// The id of the installation. Its emails carry it, so that it knows them when they come back.
    pub fn installation(&self) -> String {
        self.sign("installation", "").chars().filter(char::is_ascii_alphanumeric).take(24).collect()
    }

    /// Signs a text for one purpose.
    pub fn sign(&self, purpose: &str, text: &str) -> String {
        let tag = hmac::sign(&self.signing, format!("{purpose}\n{text}").as_bytes());
        URL_SAFE_NO_PAD.encode(tag)
    }

    /// Checks a signature, in constant time.
    pub fn is_signed(&self, purpose: &str, text: &str, signature: &str) -> bool {
        URL_SAFE_NO_PAD.decode(signature).is_ok_and(|tag| {
            hmac::verify(&self.signing, format!("{purpose}\n{text}").as_bytes(), &tag).is_ok()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal() -> Seal {
        Seal::new(&SecretString::from("the installation's key"))
    }

    #[test]
    fn sealed_secret_opens_in_its_place_alone() {
        let sealed = seal().seal("source/1", "hush");

        assert_eq!(seal().open("source/1", &sealed).unwrap().expose_secret(), "hush");
        assert!(seal().open("source/2", &sealed).is_err());
        assert!(Seal::new(&SecretString::from("another")).open("source/1", &sealed).is_err());
        assert!(seal().open("source/1", "").is_err());
    }

    #[test]
    fn signature_holds_for_its_purpose_and_text_alone() {
        let signature = seal().sign("acknowledge", "a");

        assert!(seal().is_signed("acknowledge", "a", &signature));
        assert!(!seal().is_signed("acknowledge", "b", &signature));
        assert!(!seal().is_signed("sign-in", "a", &signature));
        assert!(!seal().is_signed("acknowledge", "a", "!"));
    }
}
