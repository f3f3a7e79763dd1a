use hyper::Method;
use serde_json::{Value, json};

use crate::{
    model::Trouble,
    probes::{
        Scope,
        http::{Api, ApiAnswer},
    },
};

/// A server with more pages of stores than this is not one we know.
const MOST_PAGES: usize = 100;

/// `OpenFGA`'s HTTP API. Source: the `OpenFGA` API reference, version 1.
pub(super) struct OpenFga<'a> {
    api: Api<'a>,
}

/// A store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Store {
    pub(super) id: String,
    pub(super) name: String,
}

impl<'a> OpenFga<'a> {
    pub(super) fn of(scope: &'a Scope) -> Result<Self, Trouble> {
        Api::of(scope).map(|api| Self { api })
    }

    /// Every store, page by page.
    pub(super) async fn stores(&self) -> Result<Vec<Store>, Trouble> {
        let mut stores = Vec::new();
        let mut page = String::new();
        for _ in 0..MOST_PAGES {
            let path = format!("/stores?page_size=50{}", continuation(&page));
            let body = self.api.get(&path).await?.good("list the stores")?;
            let list = body["stores"].as_array().ok_or_else(|| garbage("the list of stores has no `stores`"))?;
            stores.extend(list.iter().map(|store| Store { id: text(&store["id"]), name: text(&store["name"]) }));
            page = text(&body["continuation_token"]);
            if page.is_empty() {
                return Ok(stores);
            }
        }
        Err(garbage("the list of stores does not end"))
    }

    /// The newest authorization model of a store, if it has one.
    pub(super) async fn latest_model(&self, store: &str) -> Result<Option<Value>, Trouble> {
        let path = format!("/stores/{store}/authorization-models?page_size=1");
        let mut body = self.api.get(&path).await?.good("read the authorization models")?;
        match body["authorization_models"].as_array_mut() {
            None => Err(garbage("the answer has no `authorization_models`")),
            Some(models) if models.is_empty() => Ok(None),
            Some(models) => Ok(Some(models.swap_remove(0))),
        }
    }

    pub(super) async fn create_store(&self, name: &str) -> Result<String, Trouble> {
        let body = self.api.post("/stores", &json!({"name": name})).await?.good("create a store")?;
        known_id(&body["id"], "a new store")
    }

    pub(super) async fn delete_store(&self, id: &str) -> Result<(), Trouble> {
        let answer = self.api.send(Method::DELETE, &format!("/stores/{id}"), None, String::new()).await?;
        if answer.status.is_success() { Ok(()) } else { Err(answer.refusal("delete a store")) }
    }

    pub(super) async fn write_model(&self, store: &str, model: &Value) -> Result<String, Trouble> {
        let path = format!("/stores/{store}/authorization-models");
        let body = self.api.post(&path, model).await?.good("write an authorization model")?;
        known_id(&body["authorization_model_id"], "a new authorization model")
    }

    /// Writes or deletes one tuple.
    pub(super) async fn change(&self, store: &str, model: &str, what: &str, tuple: &Value) -> Result<(), Trouble> {
        let body = json!({"authorization_model_id": model, what: {"tuple_keys": [tuple]}});
        let answer = self.api.post(&format!("/stores/{store}/write"), &body).await?;
        if answer.status.is_success() { Ok(()) } else { Err(answer.refusal("change a tuple")) }
    }

    /// Asks for a decision, past every cache.
    pub(super) async fn check(&self, store: &str, model: &str, tuple: &Value) -> Result<ApiAnswer, Trouble> {
        let body = json!({"tuple_key": tuple, "authorization_model_id": model, "consistency": "HIGHER_CONSISTENCY"});
        self.api.post(&format!("/stores/{store}/check"), &body).await
    }
}

/// The decision in an answer: proto3 leaves a `false` out, so no `allowed` in a good answer means not allowed.
pub(super) fn allowed(answer: &Value) -> Option<bool> {
    let answer = answer.as_object()?;
    match answer.get("allowed") {
        None => Some(false),
        Some(allowed) => allowed.as_bool(),
    }
}

pub(super) fn garbage(message: &str) -> Trouble {
    Trouble::fault("request", "proto.garbage", message)
}

fn known_id(id: &Value, what: &str) -> Result<String, Trouble> {
    // An id goes into a path: only what ids are made of, whatever the server says.
    let good = |id: &&str| !id.is_empty() && id.len() <= 64 && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    id.as_str().filter(good).map(str::to_owned).ok_or_else(|| garbage(&format!("{what} has no id")))
}

fn continuation(token: &str) -> String {
    if token.is_empty() {
        return String::new();
    }
    let token: String = url::form_urlencoded::byte_serialize(token.as_bytes()).collect();
    format!("&continuation_token={token}")
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_decision_in_a_good_answer_means_not_allowed() {
        assert_eq!(allowed(&json!({"allowed": true})), Some(true));
        assert_eq!(allowed(&json!({"allowed": false})), Some(false));
        assert_eq!(allowed(&json!({})), Some(false));
        assert_eq!(allowed(&json!({"allowed": "yes"})), None);
        assert_eq!(allowed(&json!([])), None);
    }

    #[test]
    fn an_id_cannot_leave_its_place_in_a_path() {
        assert!(known_id(&json!("01KVH2"), "x").is_ok());
        for bad in [json!(""), json!("../x"), json!("a/b"), json!(7), Value::Null] {
            assert!(known_id(&bad, "x").is_err(), "{bad}");
        }
    }
}
