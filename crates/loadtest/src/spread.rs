//! What several rounds say together, and how a cost grows.

use serde::Serialize;

/// The rounds of one figure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Spread {
    pub median: f64,
    pub min: f64,
    pub max: f64,
    pub rounds: Vec<f64>,
}

impl Spread {
    /// `None` where nothing was measured.
    pub fn new(rounds: Vec<f64>) -> Option<Self> {
        let mut sorted = rounds.clone();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        let median = match sorted.len() {
            0 => return None,
            count if count % 2 == 1 => sorted[middle],
            _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
        };
        Some(Self { median, min: *sorted.first()?, max: *sorted.last()?, rounds })
    }

    /// Round by round, so that what slowed the machine down for a while slowed both.
    pub fn ratio(of: &Self, to: &Self) -> Option<Self> {
        let rounds = of.rounds.iter().zip(&to.rounds).map(|(of, to)| of / to);
        Self::new(rounds.collect())
    }
}

/// The order of growth: the exponent `k` for which `cost ∝ size^k` fits best (least squares of the
/// logarithms). `None` for fewer than two sizes.
pub fn fitted_order(costs: &[(f64, f64)]) -> Option<f64> {
    let logs: Vec<(f64, f64)> = costs.iter().map(|(size, cost)| (size.ln(), cost.ln())).collect();
    let count = f64::from(u32::try_from(logs.len()).ok()?);
    let mean = |values: &dyn Fn(&(f64, f64)) -> f64| logs.iter().map(values).sum::<f64>() / count;
    let (mean_x, mean_y) = (mean(&|log| log.0), mean(&|log| log.1));
    let covariance: f64 = logs.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
    let variance: f64 = logs.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
    (variance > 0.0).then(|| covariance / variance)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spread(rounds: &[f64]) -> Spread {
        Spread::new(rounds.to_vec()).expect("a spread")
    }

    #[test]
    fn the_median_is_the_middle_one_or_between_the_two() {
        let of = |rounds: &[f64]| {
            let Spread { median, min, max, .. } = spread(rounds);
            vec![median, min, max]
        };
        assert_eq!(of(&[9.0, 1.0, 4.0]), [4.0, 1.0, 9.0]);
        assert_eq!(of(&[9.0, 1.0, 4.0, 6.0]), [5.0, 1.0, 9.0]);
        assert_eq!(Spread::new(Vec::new()), None);
    }

    #[test]
    fn a_ratio_is_taken_round_by_round() {
        let ratio = Spread::ratio(&spread(&[10.0, 4.0, 9.0]), &spread(&[5.0, 1.0, 3.0]));
        assert_eq!(ratio.map(|ratio| ratio.rounds), Some(vec![2.0, 4.0, 3.0]));
    }

    #[test]
    fn a_cost_that_doubles_with_the_size_is_of_order_one() {
        let order = |exponent: f64| {
            let costs = [1e4, 1e5, 1e6].map(|size: f64| (size, 3.0 * size.powf(exponent)));
            fitted_order(&costs).expect("an order")
        };
        assert!((order(1.0) - 1.0).abs() < 1e-9);
        assert!(order(0.0).abs() < 1e-9);
        assert_eq!(fitted_order(&[(1e4, 3.0)]), None);
    }
}
