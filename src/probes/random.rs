use crate::model::Trouble;

/// 24 hexadecimal digits nobody has: a password that is certainly wrong, a value that only this probe can have written.
///
/// # Errors
/// Unable, when the system gives no random bytes.
pub(in crate::probes) fn random_text() -> Result<String, Trouble> {
    let mut bytes = [0_u8; 12];
    aws_lc_rs::rand::fill(&mut bytes)
        .map_err(|_| Trouble::unable("plan", "harness.random", "the system gives no random bytes"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
