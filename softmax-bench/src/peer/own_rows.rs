//! A plan of ours on several threads, each with rows of its own, run the way of a peer. What threads cost each other in the
//! caches and on the memory bus shows here alone: no row is divided, and nobody helps a neighbour.

use super::{Batch, Peer, Rows};
use anyhow::Result;
use softmax_kernels::{ComposedPlan, ShapeError};

/// `plan`, which the calling thread and others of the pool run on as many rows each, or one fewer.
#[derive(Debug, Clone)]
pub struct OwnRows {
    name: String,
    plan: ComposedPlan,
    threads: usize,
}

impl OwnRows {
    /// The plan of that name on so many threads.
    pub fn new(name: &str, plan: ComposedPlan, threads: usize) -> OwnRows {
        OwnRows { name: name.to_owned(), plan, threads }
    }
}

impl Peer for OwnRows {
    fn version(&self) -> String {
        format!("{} on {} threads", self.name, self.threads)
    }

    fn run(&self, batch: Batch<'_>) -> Result<()> {
        let row_len = batch.row_len();
        let run = |rows: Rows| match rows {
            Rows::Apart(x, y) => self.plan.run_rows(x, y, row_len),
            Rows::InPlace(x) => self.plan.run_rows_in_place(x, row_len),
        };
        let parts = batch.divided(self.threads);
        let mut results: Vec<Result<(), ShapeError>> = parts.iter().map(|_| Ok(())).collect();
        rayon::in_place_scope(|scope| {
            let mut shares = parts.into_iter().zip(&mut results);
            let own = shares.next();
            shares.for_each(|(part, result)| scope.spawn(move |_| *result = run(part)));
            own.into_iter().for_each(|(part, result)| *result = run(part));
        });
        results.into_iter().collect::<Result<(), ShapeError>>()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue;
    use softmax_spec::Algorithm;

    #[test]
    fn every_row_is_somebodys() {
        let exp = "p5".parse().expect("an exp core");
        let isa = catalogue::best_isa().expect("an ISA");
        let (name, plan) = catalogue::small_plan(Algorithm::TwoPass, isa, exp).expect("a plan");
        for (threads, rows) in [(1, 3), (2, 1), (2, 5), (3, 3), (4, 2)] {
            let crew = OwnRows::new(&name, plan, threads);
            let (mut x, mut y) = (vec![0.0; 4 * rows], vec![0.0; 4 * rows]);
            crew.run(Batch::apart(&x, &mut y, 4)).unwrap();
            assert_eq!(y, vec![0.25; 4 * rows], "{threads} threads, {rows} rows");
            crew.run(Batch::in_place(&mut x, 4)).unwrap();
            assert_eq!(x, y);
        }
    }
}
