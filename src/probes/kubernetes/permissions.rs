use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::json;

use super::{connect, connection::KUBERNETES};
use crate::{
    model::{Fact, Facts, Right, Trouble},
    probes::{NoParameters, Probe, Scope},
};

/// How many reviews are asked for at once.
const AT_ONCE: usize = 8;

/// Whether our account has every right that the checks of this run need.
///
/// A missing right is *unable* and not a fact: the infrastructure is not worse for it, we just cannot tell. Each check
/// that needs the right says the same on its own; this one says all of them at once, with the rules to add.
/// Source: Kubernetes, `SelfSubjectAccessReview`.
pub(in crate::probes) struct Permissions;

impl Probe for Permissions {
    const NAME: &'static str = "kubernetes.permissions";
    const ABOUT: &'static str = "asks the API server whether we have every right that this run needs";
    const FACTS: &'static [Fact] = &[
        Fact { name: "needed", about: "how many rights this run needs" },
        Fact { name: "granted", about: "how many of them we have" },
    ];
    const TARGET: Option<&'static str> = Some(KUBERNETES);
    type With = NoParameters;

    async fn run(scope: Scope, _: NoParameters) -> Result<Facts, Trouble> {
        let connection = connect(&scope).await?;
        let needed = scope.view.rights();
        let missing: Vec<Option<Right>> = stream::iter(needed.clone())
            .map(|right| {
                let (api, clock) = (Arc::clone(&connection.api), Arc::clone(&scope.clock));
                async move { Ok::<_, Trouble>((!api.may(&clock, &right).await?).then_some(right)) }
            })
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        let missing: Vec<String> = missing.into_iter().flatten().map(|right| right.to_string()).collect();
        if !missing.is_empty() {
            let text = format!("{} of {} rights are missing: {}", missing.len(), needed.len(), missing.join("; "));
            return Err(Trouble::unable("api", "kube.forbidden", text));
        }
        Ok(Facts::from_iter([("needed".to_owned(), json!(needed.len())), ("granted".to_owned(), json!(needed.len()))]))
    }
}
