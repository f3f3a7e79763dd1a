/// The bytes of a quantity: `5Gi`, `500M`, `1e9`. Nothing for what is none.
///
/// Source: Kubernetes API, `Quantity`.
pub(super) fn bytes(text: &str) -> Option<f64> {
    const UNITS: [(&str, f64); 13] = [
        ("Ki", 1024.0),
        ("Mi", 1_048_576.0),
        ("Gi", 1_073_741_824.0),
        ("Ti", 1_099_511_627_776.0),
        ("Pi", 1_125_899_906_842_624.0),
        ("Ei", 1_152_921_504_606_846_976.0),
        ("k", 1e3),
        ("M", 1e6),
        ("G", 1e9),
        ("T", 1e12),
        ("P", 1e15),
        ("E", 1e18),
        ("m", 1e-3),
    ];
    let of = |(unit, factor): &(&str, f64)| text.strip_suffix(unit)?.parse::<f64>().ok().map(|number| number * factor);
    UNITS.iter().find_map(of).or_else(|| text.parse().ok()).filter(|number: &f64| number.is_finite())
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn quantities_are_read_as_kubernetes_writes_them() {
        for (text, expected) in [
            ("5Gi", Some(5_368_709_120.0)),
            ("500M", Some(5e8)),
            ("1e9", Some(1e9)),
            ("1024", Some(1024.0)),
            ("1500m", Some(1.5)),
            ("", None),
            ("Gi", None),
            ("inf", None),
            ("five", None),
        ] {
            assert_eq!(bytes(text), expected, "{text}");
        }
    }
}
