use serde_json::json;

use super::issuer::discovery;
use crate::{
    model::{Fact, Facts, Trouble},
    probes::{NoParameters, Probe, Scope},
};

/// The issuer's discovery document.
///
/// Applications compare the issuer byte by byte, so it is a fact as it stands, without any normalisation.
/// Source: `OpenID` Connect Discovery 1.0, sections 3 and 4.
pub(in crate::probes) struct Discovery;

impl Probe for Discovery {
    const NAME: &'static str = "jwt.discovery";
    const ABOUT: &'static str = "reads the issuer's discovery document";
    const FACTS: &'static [Fact] = &[
        Fact { name: "status", about: "the status code" },
        Fact { name: "media_type", about: "the media type, without parameters" },
        Fact { name: "issuer", about: "what the issuer calls itself" },
        Fact { name: "jwks_uri", about: "where its keys are" },
        Fact { name: "token_endpoint", about: "where it gives out tokens" },
        Fact { name: "algorithms", about: "the algorithms it signs with" },
    ];
    type With = NoParameters;

    async fn run(scope: Scope, _: NoParameters) -> Result<Facts, Trouble> {
        let target = scope.target()?;
        let answer = discovery(&scope, &target).await?;
        let mut facts = Facts::from_iter([
            ("status".to_owned(), json!(answer.status.as_u16())),
            ("media_type".to_owned(), json!(answer.media_type)),
        ]);
        let document = answer.good("read the discovery document")?;
        for (fact, member) in [
            ("issuer", "issuer"),
            ("jwks_uri", "jwks_uri"),
            ("token_endpoint", "token_endpoint"),
            ("algorithms", "id_token_signing_alg_values_supported"),
        ] {
            if let Some(value) = document.get(member) {
                facts.insert(fact.to_owned(), value.clone());
            }
        }
        Ok(facts)
    }
}
