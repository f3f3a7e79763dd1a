use std::net::IpAddr;

use serde_json::Value;

/// A range of addresses, less some of its parts. Source: Kubernetes API, `IPBlock`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    within: Range,
    except: Vec<Range>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Range {
    network: IpAddr,
    bits: u8,
}

impl Block {
    /// Reads one; nothing where the range is none.
    #[must_use]
    pub fn of(value: &Value) -> Option<Self> {
        let within = Range::of(value["cidr"].as_str()?)?;
        let except = value["except"].as_array().into_iter().flatten();
        Some(Self { within, except: except.filter_map(|one| Range::of(one.as_str()?)).collect() })
    }

    /// Whether an address lies in it.
    #[must_use]
    pub fn holds(&self, address: IpAddr) -> bool {
        self.within.holds(address) && !self.except.iter().any(|range| range.holds(address))
    }

    /// Whether it is every address of its family.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.within.bits == 0 && self.except.is_empty()
    }

    /// Whether every address of its family lies in it but some exceptions.
    #[must_use]
    pub fn is_nearly_everything(&self) -> bool {
        self.within.bits == 0
    }
}

impl Range {
    fn of(text: &str) -> Option<Self> {
        let (network, bits) = text.split_once('/')?;
        let (network, bits): (IpAddr, u8) = (network.parse().ok()?, bits.parse().ok()?);
        (bits <= width(network)).then_some(Self { network, bits })
    }

    fn holds(self, address: IpAddr) -> bool {
        if width(address) != width(self.network) {
            return false;
        }
        let shift = u32::from(width(address) - self.bits);
        // A shift by the whole width is none in Rust; a range of no bits holds everything.
        number(address).checked_shr(shift).unwrap_or(0) == number(self.network).checked_shr(shift).unwrap_or(0)
    }
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_block_holds_its_range_less_the_exceptions() {
        let block = |cidr: &str, except: &[&str]| Block::of(&json!({"cidr": cidr, "except": except})).expect(cidr);
        for (block, address, expected) in [
            (block("10.244.0.0/16", &[]), "10.244.7.9", true),
            (block("10.244.0.0/16", &[]), "10.245.0.1", false),
            (block("10.244.0.0/16", &["10.244.7.0/24"]), "10.244.7.9", false),
            (block("10.244.0.0/16", &["10.244.8.0/24"]), "10.244.7.9", true),
            (block("10.0.0.1/32", &[]), "10.0.0.1", true),
            (block("10.0.0.1/32", &[]), "10.0.0.2", false),
            (block("0.0.0.0/0", &[]), "169.254.169.254", true),
            (block("0.0.0.0/0", &[]), "fd00::1", false),
            (block("::/0", &[]), "fd00::1", true),
            (block("fd00::/8", &[]), "fd12::1", true),
            (block("fd00::/8", &[]), "fe80::1", false),
        ] {
            assert_eq!(block.holds(address.parse().expect("an address")), expected, "{block:?} {address}");
        }
    }

    #[test]
    fn what_is_no_range_is_no_block() {
        for bad in ["", "10.0.0.1", "10.0.0.0/33", "ten/8", "::/129", "10.0.0.0/-1"] {
            assert_eq!(Block::of(&json!({"cidr": bad})), None, "{bad}");
        }
    }

    #[test]
    fn everything_is_told_from_nearly_everything() {
        let all = Block::of(&json!({"cidr": "0.0.0.0/0"})).expect("a block");
        let nearly = Block::of(&json!({"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]})).expect("a block");
        assert!(all.is_everything() && !nearly.is_everything() && nearly.is_nearly_everything());
    }
}
