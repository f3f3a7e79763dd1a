use crate::{
    model::{Fact, Facts, Trouble},
    probes::{NoParameters, Probe, Scope},
};

/// Whether the written reports name every planned check exactly once.
///
/// The supervisor settles this one itself, after the worker ended: it writes the reports, reads them back and compares.
pub(in crate::probes) struct Reports;

impl Probe for Reports {
    const NAME: &'static str = "suite.reports";
    const ABOUT: &'static str = "writes the reports, reads them back and looks for every planned check";
    const FACTS: &'static [Fact] = &[
        Fact { name: "planned", about: "checks of the plan" },
        Fact { name: "reported", about: "checks with a row in the folded report" },
        Fact { name: "missing", about: "reports that lack a check or name one twice, each with its sentence" },
    ];
    const NEEDS_TARGET: bool = false;
    type With = NoParameters;

    async fn run(_: Scope, _: NoParameters) -> Result<Facts, Trouble> {
        Err(Trouble::unable(
            "plan",
            "harness.not_here",
            "the reports are looked at by the supervisor, not by the worker",
        ))
    }
}
