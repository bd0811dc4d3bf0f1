//! Amounts as people write them: `500m`, `8Gi`.

use std::fmt;

/// An amount, in thousandths of a unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quantity {
    milli: i128,
}

impl Quantity {
    /// So many thousandths.
    #[must_use]
    pub const fn from_milli(milli: i64) -> Self {
        Self { milli: milli as i128 }
    }

    /// So many whole units.
    #[must_use]
    pub const fn from_whole(whole: i64) -> Self {
        Self { milli: whole as i128 * 1000 }
    }
}

impl fmt::Display for Quantity {
    /// The shortest exact form: `4`, `500m`; what is a whole number of binary units as such: `8Gi`, `512Mi`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.milli % 1000 != 0 {
            return write!(formatter, "{}m", self.milli);
        }
        let whole = self.milli / 1000;
        for (power, suffix) in [(40, "Ti"), (30, "Gi"), (20, "Mi"), (10, "Ki")] {
            let unit = 1_i128 << power;
            if whole >= unit && whole % unit == 0 {
                return write!(formatter, "{}{suffix}", whole / unit);
            }
        }
        write!(formatter, "{whole}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_what_people_write() {
        assert_eq!(Quantity::from_milli(500).to_string(), "500m");
        assert_eq!(Quantity::from_milli(4000).to_string(), "4");
        assert_eq!(Quantity::from_milli(1500).to_string(), "1500m");
        assert_eq!(Quantity::from_whole(512 << 20).to_string(), "512Mi");
        assert_eq!(Quantity::from_whole(8 << 30).to_string(), "8Gi");
        assert_eq!(Quantity::from_whole(1000).to_string(), "1000");
    }
}
