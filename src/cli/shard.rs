use std::str::FromStr;

use clap::Args;

use super::failure::Failure;
use crate::model::{Plan, Shard};

/// The variable in which Kubernetes tells a pod of an Indexed Job which one it is, from 0.
const INDEX: &str = "JOB_COMPLETION_INDEX";

/// `--shard`, for one machine of several.
#[derive(Debug, Clone, Default, Args)]
pub struct ShardArguments {
    /// Run only part I of N (from 1), as one of N machines that share the run; join their journals with `merge`.
    /// `auto/N` takes I from `JOB_COMPLETION_INDEX`, which an Indexed Job of Kubernetes sets
    #[arg(long, value_name = "I/N|auto/N", env = "SOMA_CONFORMANCE_SHARD")]
    pub shard: Option<ShardChoice>,
}

/// Which part of how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShardChoice {
    /// From 1; nothing when the environment tells.
    number: Option<usize>,
    of: usize,
}

impl FromStr for ShardChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("`{text}` is not a shard: expected such as `2/3` or `auto/3`");
        let (number, of) = text.split_once('/').ok_or_else(wrong)?;
        let count = |text: &str| text.parse::<usize>().ok().filter(|count| (1..=10_000).contains(count));
        let of = count(of).ok_or_else(wrong)?;
        let number = match number {
            "auto" => None,
            number => Some(count(number).filter(|number| *number <= of).ok_or_else(wrong)?),
        };
        Ok(Self { number, of })
    }
}

impl ShardChoice {
    fn number(self, index: Option<&str>) -> Result<usize, Failure> {
        let wrong = |message: String| {
            Failure::usage(message, "an Indexed Job sets it from 0; elsewhere name the shard, such as `--shard 2/3`")
        };
        let Some(index) = index else {
            return self.number.ok_or_else(|| wrong(format!("`--shard auto/{}`, but {INDEX} is not set", self.of)));
        };
        if let Some(number) = self.number {
            return Ok(number);
        }
        match index.parse::<usize>() {
            Ok(index) if index < self.of => Ok(index + 1),
            _ => Err(wrong(format!("{INDEX} is `{}`, which is not below {}", crate::model::clip(index, 40), self.of))),
        }
    }
}

/// The part of the plan that was asked for; the whole when none was.
pub(super) fn cut(plan: Plan, arguments: &ShardArguments, group: &str) -> Result<Plan, Failure> {
    let Some(choice) = arguments.shard else { return Ok(plan) };
    let index = std::env::var(INDEX).ok();
    let number = choice.number(index.as_deref())?;
    Shard::cut(plan, number, choice.of, group).map_err(|error| Failure::usage(error, "name fewer shards"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_is_named_or_told_by_the_job() {
        let number = |text: &str, index: Option<&str>| {
            text.parse::<ShardChoice>().ok().and_then(|choice| choice.number(index).ok())
        };
        let cases = [
            ("1/3", None, Some(1)),
            ("3/3", None, Some(3)),
            ("2/3", Some("0"), Some(2)),
            ("auto/3", Some("0"), Some(1)),
            ("auto/3", Some("2"), Some(3)),
            ("auto/3", Some("3"), None),
            ("auto/3", Some("x"), None),
            ("auto/3", Some(""), None),
            ("auto/3", None, None),
            ("0/3", None, None),
            ("4/3", None, None),
            ("1/0", None, None),
            ("auto/0", Some("0"), None),
            ("-1/3", None, None),
            ("1", None, None),
            ("1/3/5", None, None),
        ];
        for (text, index, expected) in cases {
            assert_eq!(number(text, index), expected, "{text} {index:?}");
        }
    }
}
