//! The experiments, in their order, with the share of the time that each may take.

use super::bandwidth;
use super::caches::Place;
use super::contest::{self, Contest};
use super::finding::Finding;
use super::ground::{Bound, Ground};
use super::lab::{Exactness, Lab, Race};
use super::scaling;
use super::tiles::{self, Known, Site, Winner};
use crate::compare::Machine;
use anyhow::{Result, ensure};
use softmax_spec::certificate::Form;
use softmax_spec::{Isa, PassVariant, Plan};

/// Shares of the time: what finding the caches takes, and then on each ISA.
const CACHES: f64 = 1.0;
const TILES_NEAR: f64 = 0.5;
const TILES_FAR: f64 = 3.0;
const CONTESTS: f64 = 5.0;
const BANDWIDTHS: f64 = 2.0;
const SCALING: f64 = 2.5;

/// What everything weighs.
pub fn weight(isas: usize) -> f64 {
    CACHES + isas as f64 * (TILES_NEAR + TILES_FAR + CONTESTS + BANDWIDTHS + SCALING)
}

/// Somebody who hears of every finding.
pub type Record<'a> = dyn FnMut(Finding) -> Result<()> + 'a;

/// The experiments on a machine.
pub struct Experiments<'a, M> {
    /// Where they are made.
    pub lab: Lab<'a, M>,
    /// The kernels that there are.
    pub grid: &'a [PassVariant],
    /// Lengths of rows for the algorithms' races; none for what the caches suggest.
    pub lengths: &'a [usize],
    /// Cores.
    pub cores: usize,
    /// How much memory may be used.
    pub bound: Bound,
}

impl<M: Machine + Exactness> Experiments<'_, M> {
    /// All of them.
    pub fn run(&mut self, isas: &[Isa], record: &mut Record) -> Result<()> {
        let ground = Ground::survey(&mut self.lab, self.bound, CACHES)?;
        record(Finding::Ground(ground.clone()))?;
        isas.iter().try_for_each(|&isa| self.on_isa(isa, &ground, record))
    }

    fn on_isa(&mut self, isa: Isa, ground: &Ground, record: &mut Record) -> Result<()> {
        let [near, far] = self.tiles(isa, ground)?;
        near.iter().chain(&far).try_for_each(|winner| record(Finding::Winner(winner.clone())))?;
        // Where there was no time to tune out of cache, what is best in it has to do.
        let far = if far.is_empty() { &near } else { &far };
        let (in_cache, beyond) = (contest::plans(&near)?, contest::plans(far)?);
        let scale = in_cache[0].passes()[1];
        let every = self.lab.effort.core_every;
        let error = self.lab.machine.core_error(&scale, Form::Extended.domain(), every)?;
        record(Finding::Core(isa, error))?;
        self.contests([&in_cache, &beyond], ground, record)?;
        self.bandwidths(isa, far, ground, record)?;
        self.scaling(&beyond, ground, record)
    }

    /// The best tiles in cache, and out of it as far as that is known and there is time.
    fn tiles(&mut self, isa: Isa, ground: &Ground) -> Result<[Vec<Winner>; 2]> {
        let lab = &mut self.lab;
        let variants = tiles::right(lab, tiles::variants(self.grid, isa))?;
        let mut known = Known::new();
        let (len, place) = ground.near();
        let near = Site { len, place, weight: TILES_NEAR };
        let near = tiles::winners(lab, &variants, near, &mut known, 0.0)?;
        ensure!(!near.is_empty(), "the budget ends before anything could be raced: raise --budget");
        let Some(len) = ground.far() else {
            lab.clock.skip(TILES_FAR);
            return Ok([near, vec![]]);
        };
        let far = Site { len, place: Place::Memory, weight: TILES_FAR };
        Ok([near, tiles::winners(lab, &variants, far, &mut known, ground.memory_ns())?])
    }

    /// The algorithms at every length, with tiles that suit it.
    fn contests(
        &mut self,
        [in_cache, beyond]: [&[Plan; 3]; 2],
        ground: &Ground,
        record: &mut Record,
    ) -> Result<()> {
        let lengths = match self.lengths {
            [] => ground.lengths(self.lab.effort.step_log2),
            asked => asked.to_vec(),
        };
        let race = |len: usize| -> (Race, &[Plan; 3], Option<Place>) {
            let place = ground.caches.place(len);
            let is_cached = matches!(place, Some(Place::Cache(_)));
            let plans = if is_cached { in_cache } else { beyond };
            let memory_ns = if is_cached { 0.0 } else { ground.memory_ns() };
            (contest::race(plans, len, place, memory_ns), plans, place)
        };
        let races: Vec<_> = lengths.into_iter().map(race).collect();
        let all: f64 = races.iter().map(|(race, ..)| race.seconds(&self.lab.effort)).sum();
        for (race, plans, place) in races {
            let weight = CONTESTS * race.seconds(&self.lab.effort) / all;
            let Some(samples) = self.lab.race(&race, weight)? else { continue };
            record(Finding::Contest(Contest::of(plans, race.shape.len, place, &samples)))?;
        }
        Ok(())
    }

    /// The passes beside STREAM's loops, on the longest row.
    fn bandwidths(
        &mut self,
        isa: Isa,
        winners: &[Winner],
        ground: &Ground,
        record: &mut Record,
    ) -> Result<()> {
        if ground.far().is_none() {
            self.lab.clock.skip(BANDWIDTHS);
            return Ok(());
        }
        let races = bandwidth::races(isa, winners, ground.longest, ground.memory_ns());
        let all: f64 = races.iter().map(|(race, _)| race.seconds(&self.lab.effort)).sum();
        for (race, movers) in &races {
            let weight = BANDWIDTHS * race.seconds(&self.lab.effort) / all;
            let Some(samples) = self.lab.race(race, weight)? else { continue };
            let all = bandwidth::all(isa, race, movers, &samples);
            all.into_iter().try_for_each(|bandwidth| record(Finding::Bandwidth(bandwidth)))?;
        }
        Ok(())
    }

    /// The algorithms on several threads, each with the shortest row that is out of cache.
    fn scaling(&mut self, plans: &[Plan; 3], ground: &Ground, record: &mut Record) -> Result<()> {
        let threads = scaling::threads(self.cores);
        let (Some(len), false) = (ground.far(), threads.is_empty()) else {
            self.lab.clock.skip(SCALING);
            return Ok(());
        };
        let race = |&threads: &usize| scaling::race(plans, threads, len, ground.memory_ns());
        let races: Vec<Race> = threads.iter().map(race).collect();
        let all: f64 = races.iter().map(|race| race.seconds(&self.lab.effort)).sum();
        for race in races {
            let weight = SCALING * race.seconds(&self.lab.effort) / all;
            if race.shape.elements() > self.bound.elements {
                self.lab.clock.skip(weight);
                self.lab.progress.note(&format!("left out for want of memory: {}", race.what));
                continue;
            }
            let Some(samples) = self.lab.race(&race, weight)? else { continue };
            record(Finding::Scaling(scaling::of(plans, &race, &samples)))?;
        }
        Ok(())
    }
}
