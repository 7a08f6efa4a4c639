//! The figures that verdicts are measured by.

/// The area under the curve of precision over recall, as average precision: `pairs` are a score and whether it is a
/// phone that exports. Equal scores count together.
pub(crate) fn average_precision(pairs: impl Iterator<Item = (f64, bool)>) -> f64 {
    let mut pairs: Vec<_> = pairs.collect();
    pairs.sort_by(|a, b| b.0.total_cmp(&a.0));
    let positive = pairs.iter().filter(|pair| pair.1).count() as f64;
    let (mut right, mut all, mut area) = (0.0, 0.0, 0.0);
    for tied in pairs.chunk_by(|a, b| a.0 == b.0) {
        let hits = tied.iter().filter(|pair| pair.1).count() as f64;
        right += hits;
        all += tied.len() as f64;
        area += hits / positive.max(1.0) * right / all;
    }
    area
}

/// The one-sided upper limit, at 95 %, of a share seen `hits` times in `all` (Clopper and Pearson).
pub(crate) fn upper_limit(hits: u32, all: u32) -> f64 {
    limit(hits, all, 0.05)
}

/// The two-sided interval, at 95 %, of a share seen `hits` times in `all` (Clopper and Pearson).
pub(crate) fn interval(hits: u32, all: u32) -> (f64, f64) {
    if all == 0 { (0.0, 1.0) } else { (1.0 - limit(all - hits, all, 0.025), limit(hits, all, 0.025)) }
}

/// The share at which so few hits would have this chance, by bisection.
fn limit(hits: u32, all: u32, chance: f64) -> f64 {
    if hits >= all {
        return 1.0;
    }
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if at_most(hits, all, middle) > chance {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

/// The chance of at most `hits` in `all` at this rate.
fn at_most(hits: u32, all: u32, rate: f64) -> f64 {
    let mut ln_term = f64::from(all) * (-rate).ln_1p();
    let mut sum = ln_term.exp();
    for k in 1..=hits {
        ln_term += (f64::from(all - k + 1) / f64::from(k)).ln() + rate.ln() - (-rate).ln_1p();
        sum += ln_term.exp();
    }
    sum
}

/// The mean squared error of probabilities.
pub(crate) fn brier(pairs: impl Iterator<Item = (f64, bool)>) -> f64 {
    let (sum, count) =
        pairs.fold((0.0, 0.0), |(sum, n), (p, truth)| (sum + (p - f64::from(u8::from(truth))).powi(2), n + 1.0));
    sum / f64::max(count, 1.0)
}

/// Of the phones called exporting, the share that would be, were this share of all phones exporting.
pub(crate) fn predictive_value(recall: f64, false_share: f64, prior: f64) -> f64 {
    let (right, wrong) = (recall * prior, false_share * (1.0 - prior));
    if right + wrong > 0.0 { right / (right + wrong) } else { 0.0 }
}

/// The value below which this share of `values` lies.
pub(crate) fn quantile(values: &[u32], share: f64) -> u32 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let at = (share * sorted.len() as f64) as usize;
    sorted.get(at.min(sorted.len().saturating_sub(1))).copied().unwrap_or(0)
}

/// Weights of a logistic regression (constant first) by Newton's method with a slight pull towards zero.
pub(crate) fn logistic(rows: &[(Vec<f64>, bool)]) -> Vec<f64> {
    let width = rows.first().map_or(0, |row| row.0.len()) + 1;
    let mut weights = vec![0.0; width];
    for _ in 0..40 {
        let mut gradient: Vec<f64> = weights.iter().map(|weight| -PULL * weight).collect();
        let mut curvature = vec![vec![0.0; width]; width];
        for (features, truth) in rows {
            let x = |at: usize| if at == 0 { 1.0 } else { features[at - 1] };
            let p = 1.0 / (1.0 + (-(0..width).map(|at| weights[at] * x(at)).sum::<f64>()).exp());
            for i in 0..width {
                gradient[i] += (f64::from(u8::from(*truth)) - p) * x(i);
                for (j, sum) in curvature[i].iter_mut().enumerate() {
                    *sum += p * (1.0 - p) * x(i) * x(j);
                }
            }
        }
        for (at, row) in curvature.iter_mut().enumerate() {
            row[at] += PULL;
        }
        let step = solved(curvature, gradient);
        weights.iter_mut().zip(&step).for_each(|(weight, step)| *weight += step);
    }
    weights
}

const PULL: f64 = 0.1;

/// Solves a small system of linear equations by elimination.
fn solved(mut rows: Vec<Vec<f64>>, mut right: Vec<f64>) -> Vec<f64> {
    let n = right.len();
    for at in 0..n {
        let pivot = (at..n).max_by(|a, b| rows[*a][at].abs().total_cmp(&rows[*b][at].abs())).unwrap_or(at);
        rows.swap(at, pivot);
        right.swap(at, pivot);
        for below in at + 1..n {
            let upper = rows[at].clone();
            let factor = rows[below][at] / upper[at];
            rows[below].iter_mut().zip(&upper).for_each(|(lower, upper)| *lower -= factor * upper);
            right[below] -= factor * right[at];
        }
    }
    for at in (0..n).rev() {
        let known: f64 = (at + 1..n).map(|column| rows[at][column] * right[column]).sum();
        right[at] = (right[at] - known) / rows[at][at];
    }
    right
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn average_precision_by_hand() {
        // Right, wrong, right: (1/1 + 2/3) / 2.
        let pairs = [(0.9, true), (0.8, false), (0.7, true)];
        assert!((average_precision(pairs.into_iter()) - 5.0 / 6.0).abs() < 1e-12);
        assert!((average_precision([(0.5, true), (0.5, false)].into_iter()) - 0.5).abs() < 1e-12, "a tie is a guess");
    }

    #[test]
    fn limits_and_values_by_hand() {
        assert!((upper_limit(0, 28) - (1.0 - 0.05_f64.powf(1.0 / 28.0))).abs() < 1e-9);
        let (low, high) = interval(93, 100);
        assert!((low - 0.861).abs() < 1e-3 && (high - 0.971).abs() < 1e-3, "{low} {high}");
        assert!((upper_limit(5, 782) - 0.0134).abs() < 2e-4, "{}", upper_limit(5, 782));
        assert!((brier([(0.8, true), (0.4, false)].into_iter()) - 0.1).abs() < 1e-12);
        assert!((predictive_value(0.9, 0.01, 0.01) - 0.009 / (0.009 + 0.0099)).abs() < 1e-12);
        assert_eq!((quantile(&[5, 1, 9], 0.5), quantile(&[], 0.5)), (5, 0));
    }

    #[test]
    fn a_regression_finds_the_odds_it_was_drawn_from() {
        // At 0, one of four exports; at 1, three of four: the constant is -ln 3, the slope 2 ln 3.
        let row =
            |x: f64, truth: bool| std::iter::repeat_n((vec![x], truth), if truth == (x > 0.5) { 300 } else { 100 });
        let rows: Vec<_> =
            [(0.0, true), (0.0, false), (1.0, true), (1.0, false)].into_iter().flat_map(|(x, t)| row(x, t)).collect();
        let weights = logistic(&rows);
        assert!(
            (weights[0] + 3.0_f64.ln()).abs() < 0.02 && (weights[1] - 2.0 * 3.0_f64.ln()).abs() < 0.02,
            "{weights:?}"
        );
    }
}
