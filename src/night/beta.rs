//! The beta distribution: exact limits for a share seen in a few nights.

/// The upper limit of the one-sided exact interval (Clopper and Pearson, 1934) for a share seen `hits` times in
/// `nights`, at `confidence` (0 to 1). With no hits it is `1 - (1 - confidence)^(1/nights)`.
pub(super) fn upper_limit(hits: u32, nights: u32, confidence: f64) -> f64 {
    if nights == 0 || hits >= nights {
        return 1.0;
    }
    quantile(f64::from(hits) + 1.0, f64::from(nights - hits), confidence)
}

/// The 95 % equal-tailed interval for a share under Jeffreys' prior, Beta(1/2, 1/2).
pub fn jeffreys(hits: u32, nights: u32) -> (f64, f64) {
    let (a, b) = (f64::from(hits) + 0.5, f64::from(nights.saturating_sub(hits)) + 0.5);
    let low = if hits == 0 { 0.0 } else { quantile(a, b, 0.025) };
    let high = if hits >= nights { 1.0 } else { quantile(a, b, 0.975) };
    (low, high)
}

/// The value below which Beta(a, b) lies with chance `p`, by bisection.
fn quantile(a: f64, b: f64, p: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..40 {
        let middle = f64::midpoint(low, high);
        if regularised(a, b, middle) < p {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

/// The regularised incomplete beta function, by its continued fraction (Abramowitz and Stegun, 26.5.8).
pub(super) fn regularised(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    let front = (ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (-x).ln_1p()).exp();
    if x < (a + 1.0) / (a + b + 2.0) {
        front * continued_fraction(a, b, x) / a
    } else {
        1.0 - front * continued_fraction(b, a, 1.0 - x) / b
    }
}

/// Lentz's evaluation, which converges in O(sqrt(max(a, b))) steps on the side of the mean it is called for.
fn continued_fraction(a: f64, b: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let kept = |value: f64| if value.abs() < TINY { TINY } else { value };
    let (mut above, mut below) = (1.0, 1.0 / kept(1.0 - (a + b) * x / (a + 1.0)));
    let mut fraction = below;
    for step in 1..500_u16 {
        let m = f64::from(step);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut change = 1.0;
        for term in [even, odd] {
            below = 1.0 / kept(1.0 + term * below);
            above = kept(1.0 + term / above);
            change = above * below;
            fraction *= change;
        }
        if (change - 1.0).abs() < 1e-14 {
            break;
        }
    }
    fraction
}

/// The logarithm of the gamma function for positive `x` (Lanczos, g = 7).
pub(super) fn ln_gamma(x: f64) -> f64 {
    const COEFFICIENTS: [f64; 8] = [
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    let x = x - 1.0;
    let mut sum = 0.999_999_999_999_809_9;
    let mut at = x;
    for coefficient in COEFFICIENTS {
        at += 1.0;
        sum += coefficient / at;
    }
    let t = x + 7.5;
    0.5 * (2.0 * std::f64::consts::PI).ln() + (x + 0.5) * t.ln() - t + sum.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_no_hit_the_limit_is_the_closed_form() {
        let percent: Vec<_> =
            [5, 7, 14, 19, 28, 60].map(|nights| (upper_limit(0, nights, 0.95) * 100.0).round()).into();
        assert_eq!(percent, [45.0, 35.0, 19.0, 15.0, 10.0, 5.0]);
        for nights in 1..400 {
            let exact = 1.0 - 0.05_f64.powf(1.0 / f64::from(nights));
            assert!((upper_limit(0, nights, 0.95) - exact).abs() < 1e-10, "{nights}");
        }
    }

    #[test]
    fn at_the_limit_the_binomial_tail_is_what_the_confidence_leaves() {
        for (hits, nights) in [(1_u32, 10_u32), (3, 28), (9, 60), (199, 400)] {
            let limit = upper_limit(hits, nights, 0.95);
            let chance = |k: u32| {
                let (k, n) = (f64::from(k), f64::from(nights));
                let ways = ln_gamma(n + 1.0) - ln_gamma(k + 1.0) - ln_gamma(n - k + 1.0);
                (ways + k * limit.ln() + (n - k) * (-limit).ln_1p()).exp()
            };
            let tail: f64 = (0..=hits).map(chance).sum();
            assert!((tail - 0.05).abs() < 1e-9, "{hits} of {nights}: {tail}");
        }
    }

    #[test]
    fn jeffreys_interval_agrees_with_published_values() {
        // Brown, Cai and DasGupta (2001), table 5: n = 7, x = 2 and x = 3.
        for (hits, low, high) in [(2, 0.065, 0.648), (3, 0.139, 0.766)] {
            let (l, h) = jeffreys(hits, 7);
            assert!((l - low).abs() < 6e-4 && (h - high).abs() < 6e-4, "{hits}: {l} {h}");
        }
        assert!(jeffreys(0, 0).1 > 0.99, "nothing seen says nothing");
    }
}
