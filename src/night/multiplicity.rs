//! Many rows, one claim: e-BH.

/// Which of many e-values, given as `log10 e`, stand together at false discovery rate `rate`: with the values in
/// descending order, the largest `k` whose `k`-th is `m / (rate k)` or more (Wang and Ramdas, 2022). It holds however the
/// rows depend on each other, and serves the rows of one device as well as those of a fleet.
pub fn discoveries(log10_e: &[f64], rate: f64) -> Vec<bool> {
    let needed = |k: usize| (log10_e.len() as f64 / (rate * k as f64)).log10();
    let mut descending: Vec<f64> = log10_e.to_vec();
    descending.sort_by(|a, b| b.total_cmp(a));
    let standing = (1..).zip(&descending).filter(|&(k, e)| *e >= needed(k)).map(|(_, e)| *e).last();
    log10_e.iter().map(|e| standing.is_some_and(|least| *e >= least)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_row_needs_the_reciprocal_of_the_rate() {
        assert_eq!(discoveries(&[1.29], 0.05), [false]);
        assert_eq!(discoveries(&[1.31], 0.05), [true]);
        assert!(discoveries(&[], 0.05).is_empty());
    }

    #[test]
    fn more_rows_ask_for_more_unless_several_stand() {
        let mut log10_e = vec![0.0; 20];
        log10_e[3] = 2.0;
        assert!(!discoveries(&log10_e, 0.05)[3], "100 among 20 rows is too little");
        log10_e[3] = 2.61;
        assert!(discoveries(&log10_e, 0.05)[3], "400 is enough");
        log10_e[3..7].fill(2.01);
        assert_eq!(discoveries(&log10_e, 0.05).iter().filter(|&&stands| stands).count(), 4);
    }
}
