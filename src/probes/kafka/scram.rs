use std::num::NonZeroU32;

use aws_lc_rs::{digest, hmac, pbkdf2};
use base64::{Engine as _, engine::general_purpose::STANDARD};

/// The bounds of the iterations a broker may ask for. Kafka refuses fewer than 4096 and more than 16384; a server that
/// asks for millions only keeps us busy.
const ITERATIONS: std::ops::RangeInclusive<u32> = 4_096..=131_072;

/// The client's half of a SCRAM login (RFC 5802, RFC 7677), without channel binding, as Kafka does it.
///
/// Kafka does not normalise passwords (SASLprep): their UTF-8 bytes are used as they are.
pub(super) struct Scram<'a> {
    hash: Hash,
    user: &'a str,
    password: &'a str,
    nonce: String,
}

/// The two functions Kafka knows.
#[derive(Debug, Clone, Copy)]
pub(super) enum Hash {
    Sha256,
    Sha512,
}

/// Our last message, and what the server must prove with its last one.
pub(super) struct Final {
    pub(super) message: String,
    server_signature: Vec<u8>,
}

impl<'a> Scram<'a> {
    pub(super) fn new(hash: Hash, user: &'a str, password: &'a str, nonce: String) -> Self {
        Self { hash, user, password, nonce }
    }

    /// The first message.
    pub(super) fn first(&self) -> String {
        format!("n,,{}", self.bare())
    }

    fn bare(&self) -> String {
        format!("n={},r={}", self.user.replace('=', "=3D").replace(',', "=2C"), self.nonce)
    }

    /// The answer to the server's first message, or what is wrong with that message.
    pub(super) fn answer(&self, server_first: &str) -> Result<Final, String> {
        let field = |name: &str| {
            server_first
                .split(',')
                .find_map(|part| part.strip_prefix(name))
                .ok_or_else(|| format!("the server's first SCRAM message has no `{name}`"))
        };
        let nonce = field("r=")?;
        if !nonce.starts_with(&self.nonce) || nonce.len() <= self.nonce.len() {
            return Err("the server's nonce does not continue ours".to_owned());
        }
        let salt = STANDARD.decode(field("s=")?).map_err(|_| "the server's salt is not base64".to_owned())?;
        let iterations = field("i=")?
            .parse::<u32>()
            .ok()
            .filter(|count| ITERATIONS.contains(count))
            .and_then(NonZeroU32::new)
            .ok_or_else(|| format!("the server asks for iterations outside {ITERATIONS:?}"))?;
        let salted = self.hash.stretch(iterations, &salt, self.password.as_bytes());
        let without_proof = format!("c=biws,r={nonce}");
        let authenticated = format!("{},{server_first},{without_proof}", self.bare());
        let client_key = self.hash.mac(&salted, b"Client Key");
        let signature = self.hash.mac(&self.hash.digest(&client_key), authenticated.as_bytes());
        let proof: Vec<u8> = client_key.iter().zip(&signature).map(|(key, sign)| key ^ sign).collect();
        let server_key = self.hash.mac(&salted, b"Server Key");
        Ok(Final {
            message: format!("{without_proof},p={}", STANDARD.encode(proof)),
            server_signature: self.hash.mac(&server_key, authenticated.as_bytes()),
        })
    }
}

impl Final {
    /// Whether the server knows the password too: its last message carries the signature only it can make.
    pub(super) fn is_proven_by(&self, server_final: &str) -> bool {
        let shown = server_final.split(',').find_map(|part| part.strip_prefix("v="));
        shown.and_then(|text| STANDARD.decode(text).ok()).is_some_and(|bytes| bytes == self.server_signature)
    }
}

impl Hash {
    /// The function of a SASL mechanism's name.
    pub(super) fn of_mechanism(mechanism: &str) -> Option<Self> {
        match mechanism {
            "SCRAM-SHA-256" => Some(Self::Sha256),
            "SCRAM-SHA-512" => Some(Self::Sha512),
            _ => None,
        }
    }

    fn stretch(self, iterations: NonZeroU32, salt: &[u8], password: &[u8]) -> Vec<u8> {
        let (algorithm, length) = match self {
            Self::Sha256 => (pbkdf2::PBKDF2_HMAC_SHA256, 32),
            Self::Sha512 => (pbkdf2::PBKDF2_HMAC_SHA512, 64),
        };
        let mut salted = vec![0; length];
        pbkdf2::derive(algorithm, iterations, salt, password, &mut salted);
        salted
    }

    fn mac(self, key: &[u8], text: &[u8]) -> Vec<u8> {
        let algorithm = match self {
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha512 => hmac::HMAC_SHA512,
        };
        hmac::sign(&hmac::Key::new(algorithm, key), text).as_ref().to_vec()
    }

    fn digest(self, bytes: &[u8]) -> Vec<u8> {
        let algorithm = match self {
            Self::Sha256 => &digest::SHA256,
            Self::Sha512 => &digest::SHA512,
        };
        digest::digest(algorithm, bytes).as_ref().to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONCE: &str = "rOprNGfwEbeRWgbNEkqO";
    const SERVER_FIRST: &str = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";

    fn client() -> Scram<'static> {
        Scram::new(Hash::Sha256, "user", "pencil", NONCE.to_owned())
    }

    #[test]
    fn the_exchange_of_rfc_7677_is_reproduced() {
        assert_eq!(client().first(), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
        let last = client().answer(SERVER_FIRST).expect("a good first message");
        assert_eq!(
            last.message,
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        );
        assert!(last.is_proven_by("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="));
        assert!(!last.is_proven_by("v=AAriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="));
        assert!(!last.is_proven_by("e=other-error"));
    }

    #[test]
    fn a_first_message_that_is_not_sound_is_refused() {
        let cases = [
            "",
            "r=other%nonce,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
            "r=rOprNGfwEbeRWgbNEkqO,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
            "r=rOprNGfwEbeRWgbNEkqOx,s=%%%,i=4096",
            "r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=1",
            "r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4294967295",
            "r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==",
        ];
        for case in cases {
            assert!(client().answer(case).is_err(), "{case}");
        }
    }

    #[test]
    fn a_user_with_a_comma_or_an_equals_sign_is_escaped() {
        let client = Scram::new(Hash::Sha512, "a=b,c", "p", "n".to_owned());
        assert_eq!(client.first(), "n,,n=a=3Db=2Cc,r=n");
    }
}
