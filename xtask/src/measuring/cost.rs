//! What a request to the measuring process will take, before it is made.

use softmax_bench::protocol::untimed_calls;

/// Calibration, in rounds.
pub const CALIBRATION: f64 = 2.0;

/// Seconds for generating so many elements and their parameters, which a request costs once, at most.
pub fn setup_seconds(elements: usize) -> f64 {
    const NS_PER_ELEMENT: f64 = 40.0;
    elements as f64 * NS_PER_ELEMENT * 1e-9
}

/// Seconds of a sample of at least `target` seconds, of calls that take `call` each: those that fill it, at which calibration aims 10 %
/// higher, and before them those that are not timed.
pub fn sample_seconds(target: f64, call: f64) -> f64 {
    /// No call takes less.
    const SHORTEST: f64 = 1e-9;
    let call = call.max(SHORTEST);
    let calls = if call < target { (1.1 * target / call).ceil() } else { 1.0 };
    call * (calls + untimed_calls(calls as u64) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_costs_its_calls_and_as_many_before_them_up_to_ten() {
        let costs = |target: f64, call: f64, calls: f64| {
            let seconds = sample_seconds(target, call);
            assert!((seconds / (calls * call) - 1.0).abs() < 1e-9, "{seconds} for {target} of {call}");
        };
        costs(1e-3, 2e-3, 1.0 + 1.0);
        costs(1e-3, 1e-3, 1.0 + 1.0);
        costs(1e-3, 0.9e-3, 2.0 + 2.0);
        costs(1e-3, 1e-5, 110.0 + 10.0);
        costs(0.0, 1e-5, 1.0 + 1.0);
        assert!((sample_seconds(1e-3, 0.0) / 1.1e-3 - 1.0).abs() < 1e-3);
    }
}
