use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value};
use serde_saphyr::Spanned;

/// One value of a YAML file with its place, so that a fault in it can be shown where it stands.
#[derive(Debug, Clone)]
pub struct Node {
    /// Line and column, both from 1.
    pub place: (u64, u64),
    /// The value.
    pub kind: Kind,
}

/// The value of a [`Node`].
#[derive(Debug, Clone)]
pub enum Kind {
    /// A text, number, boolean or null.
    Scalar(Value),
    /// A list.
    List(Vec<Node>),
    /// A map in the order of the file; each key with its own place.
    Map(Vec<(String, (u64, u64), Node)>),
}

/// A step into a [`Node`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A member of a map.
    Key(String),
    /// An element of a list.
    Index(usize),
}

impl Node {
    /// The plain value.
    #[must_use]
    pub fn to_value(&self) -> Value {
        match &self.kind {
            Kind::Scalar(value) => value.clone(),
            Kind::List(list) => Value::Array(list.iter().map(Self::to_value).collect()),
            Kind::Map(members) => Value::Object(
                members.iter().map(|(key, _, node)| (key.clone(), node.to_value())).collect::<Map<_, _>>(),
            ),
        }
    }

    /// The member of this name.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        match &self.kind {
            Kind::Map(members) => members.iter().find(|(name, _, _)| name == key).map(|(_, _, node)| node),
            _ => None,
        }
    }

    /// The names of the members; none for anything but a map.
    #[must_use]
    pub fn keys(&self) -> Vec<String> {
        match &self.kind {
            Kind::Map(members) => members.iter().map(|(name, _, _)| name.clone()).collect(),
            _ => Vec::new(),
        }
    }

    /// The elements; none for anything but a list.
    #[must_use]
    pub fn elements(&self) -> &[Self] {
        match &self.kind {
            Kind::List(list) => list,
            _ => &[],
        }
    }

    /// The place of the deepest node on the way that exists: of the key where the last step is one.
    #[must_use]
    pub fn place_of(&self, steps: &[Step]) -> (u64, u64) {
        let mut place = self.place;
        let mut node = self;
        for step in steps {
            let found = match (step, &node.kind) {
                (Step::Key(key), Kind::Map(members)) => {
                    members.iter().find(|(name, _, _)| name == key).map(|(_, at, node)| (*at, node))
                }
                (Step::Index(index), Kind::List(list)) => list.get(*index).map(|node| (node.place, node)),
                _ => None,
            };
            let Some((at, next)) = found else { break };
            (place, node) = (at, next);
        }
        place
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Kind>::deserialize(deserializer)?;
        let place = (spanned.referenced.line(), spanned.referenced.column());
        Ok(Self { place, kind: spanned.value })
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(KindVisitor)
    }
}

struct KindVisitor;

impl<'de> Visitor<'de> for KindVisitor {
    type Value = Kind;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a YAML value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Kind, E> {
        Ok(Kind::Scalar(Value::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Kind, E> {
        Ok(Kind::Scalar(Value::from(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Kind, E> {
        Ok(Kind::Scalar(Value::from(value)))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Kind, E> {
        let number = Number::from_f64(value).ok_or_else(|| E::custom("a number must be finite"))?;
        Ok(Kind::Scalar(Value::Number(number)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Kind, E> {
        Ok(Kind::Scalar(Value::from(value)))
    }

    fn visit_unit<E>(self) -> Result<Kind, E> {
        Ok(Kind::Scalar(Value::Null))
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<Kind, E> {
        self.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Kind, D::Error> {
        Kind::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Kind, A::Error> {
        let mut list = Vec::new();
        while let Some(node) = access.next_element()? {
            list.push(node);
        }
        Ok(Kind::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Kind, A::Error> {
        let mut members: Vec<(String, (u64, u64), Node)> = Vec::new();
        while let Some(key) = access.next_key::<Node>()? {
            let name = match &key.kind {
                Kind::Scalar(Value::String(text)) => text.clone(),
                Kind::Scalar(other) => other.to_string(),
                _ => return Err(A::Error::custom("a key must be a text")),
            };
            members.push((name, key.place, access.next_value()?));
        }
        Ok(Kind::Map(members))
    }
}
