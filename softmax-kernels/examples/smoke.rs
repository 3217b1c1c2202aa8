use softmax_kernels::*;
use std::time::Instant;
fn main() {
    println!("{} variants", variants().len());
    for n in [1usize, 2, 15, 16, 17, 64, 1000, 4096, 65536, 1 << 20, 1 << 23] {
        let x: Vec<f32> = (0..n).map(|i| ((i * 7919 % 2003) as f32 / 100.0) - 10.0).collect();
        let mut y = vec![0.0f32; n];
        let s: f64 = x.iter().map(|&v| (v as f64).exp()).sum();
        for acc in [Accuracy::Fast, Accuracy::Accurate] {
            let sm = Softmax::new().accuracy(acc);
            sm.run(&x, &mut y).unwrap();
            let ulp = x.iter().zip(&y).map(|(&a, &b)| { let r = ((a as f64).exp() / s) as f32; (r.to_bits() as i64 - b.to_bits() as i64).abs() }).max().unwrap();
            let reps = (1 << 24) / n.max(64);
            let t = Instant::now();
            for _ in 0..reps { sm.run(&x, &mut y).unwrap(); std::hint::black_box(&y); }
            let ns = t.elapsed().as_secs_f64() * 1e9 / reps as f64 / n as f64;
            println!("{n} {acc:?} maxulp {ulp} {ns:.3} ns/elem  {}", sm.selected(n));
        }
    }
}
