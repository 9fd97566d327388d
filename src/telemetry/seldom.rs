//! What is logged once a second at most, however often it happens: a client that misbehaves on purpose must not fill
//! the log. What was passed over is told as a number with the next line.

use std::cell::Cell;

/// One kind of line.
#[derive(Default)]
pub struct Seldom {
    /// The second of the last line.
    logged_in: Cell<Option<u64>>,
    passed_over: Cell<u64>,
}

impl Seldom {
    /// Whether it may be logged now, `second` being counted from anywhere: how many were not since the last line.
    pub fn admits(&self, second: u64) -> Option<u64> {
        if self.logged_in.replace(Some(second)) == Some(second) {
            self.passed_over.set(self.passed_over.get().saturating_add(1));
            return None;
        }
        Some(self.passed_over.take())
    }
}

#[cfg(test)]
mod tests {
    use super::Seldom;

    #[test]
    fn one_line_a_second_and_the_next_tells_of_the_others() {
        let seldom = Seldom::default();
        let told: Vec<_> = [0, 0, 0, 1, 1, 7].iter().map(|second| seldom.admits(*second)).collect();
        assert_eq!(told, [Some(0), None, None, Some(2), None, Some(1)]);
    }
}
