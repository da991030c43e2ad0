//! The days of the flow: start the service, test the connection, run the cycles, and read everything back.

use std::collections::BTreeMap;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use scimkit_client::PageSize;
use scimkit_connectors::graph::{GraphOptions, GraphSource, RecordedPages};
use scimkit_provisioning::{
    ConnectionError, CycleError, CycleReport, Engine, ErrorCode, Label, PlanCounts, PlanFormat, PlanHeader, ProvisioningJob, ScimTarget,
    SourceErrorKind, Unprovisioned,
};
use scimkit_store::sqlite::SqliteState;
use scimkit_types::{Clock, Resource, SystemClock, Timestamp, Value};

use crate::authorize::Authorization;
use crate::authorize_server::FirstToken;
use crate::compare::{Comparison, Content, Expected, compare_unprovisioned};
use crate::failure::{Failure, FailureKind};
use crate::home::{Home, Run, Stage};
use crate::options::{Day, Options};
use crate::service::{Connection, OsEntropy, Service, UsageFile};
use crate::watch::Watch;

/// Runs the flow; true if the service is in step in the end.
///
/// # Errors
/// [`Failure`]: wrong input, a cycle that failed and can be resumed, or the user's wish to stop.
pub async fn run(options: Options, out: &mut (dyn Write + Send)) -> Result<bool, Failure> {
    let home = Home::open(options.state.as_deref())?;
    let resume = format!("start again with `--state {}` to go on", home.folder().display());
    let result = tokio::select! {
        result = Flow::run(&options, &home, out) => result.map_err(|failure| failure.with_hint(&resume)),
        _ = tokio::signal::ctrl_c() => Err(Failure::stopped(format!("stopped; {resume}"))),
    };
    // A run that failed or was stopped goes on in its folder; one that ended, or whose input was wrong, does not need it any more.
    if result.as_ref().err().is_none_or(|failure| failure.kind() == FailureKind::Input) {
        home.finish()?;
    }
    result
}

/// Everything that a run needs, once it has been read and started.
struct Flow<'a> {
    out: &'a mut (dyn Write + Send),
    home: &'a Home,
    engine: Engine,
    pages: RecordedPages,
    watch: Arc<Watch>,
    service: Service,
    connection: Connection,
    authorization: Authorization,
    run: Run,
}

impl<'a> Flow<'a> {
    async fn run(options: &Options, home: &'a Home, out: &'a mut (dyn Write + Send)) -> Result<bool, Failure> {
        let job = crate::job::read(options.profile, options.job.as_deref())?;
        let run = remember(home, options)?;
        let folder = directory(options, home)?;
        let rounds = if run.stage == Stage::FirstDay { 1 } else { usize::MAX };
        let pages = RecordedPages::open(&folder, rounds).map_err(|error| Failure::input_because("the directory cannot be used", &error))?;
        let mut flow = Self::start(options, home, out, job, pages, run, &folder).await?;
        flow.introduce(options, &folder)?;
        flow.test_connection().await?;
        flow.days().await?;
        let is_in_step = flow.compare(options).await?;
        flow.service.stop().await;
        Ok(is_in_step)
    }

    async fn start(
        options: &Options,
        home: &'a Home,
        out: &'a mut (dyn Write + Send),
        mut job: ProvisioningJob,
        pages: RecordedPages,
        run: Run,
        folder: &Path,
    ) -> Result<Self, Failure> {
        let watch = Arc::new(Watch::new(home.append_to_private_file("provisioning-log.jsonl")?));
        let first_token = Arc::new(FirstToken::new());
        let service = Service::start(options, &job.profile, &home.file("service.sqlite"), &run.token, Arc::clone(&first_token)).await?;
        let authorization = Authorization::new(options, home, first_token, &run.token).await?;
        let usage = UsageFile::new(home, &run);
        let connection = Connection::new(&service, &job.profile, &authorization, options, usage, out).await?;
        let state = SqliteState::open(home.file("state.sqlite"))
            .map_err(|error| Failure::input_because(format!("cannot open `{}`", home.file("state.sqlite").display()), &error))?;
        let service_principal = service_principal(folder)?;
        job.labels.service_principal = Some(Label::named(job.profile.name.as_str()).with_id(service_principal.as_str()));
        let source = GraphSource::new(Arc::new(pages.clone()), GraphOptions::new(service_principal))
            .map_err(|error| Failure::input_because(format!("directory `{}`", folder.display()), &error))?;
        let target = ScimTarget::new(connection.client.clone(), job.profile.clone())
            .map_err(|error| Failure::input_because(format!("profile `{}`", job.profile.name), &error))?;
        let engine =
            Engine::new(job, Arc::new(source), Arc::new(target), Arc::new(state), Arc::new(SystemClock::default()), Arc::new(OsEntropy))
                .with_observer(Arc::clone(&watch) as _)
                .with_notifier(Arc::clone(&watch) as _)
                .with_quota_meter(connection.meter());
        Ok(Self { out, home, engine, pages, watch, service, connection, authorization, run })
    }

    fn say(&mut self, label: &str, text: &str) -> Result<(), Failure> {
        let written = if label.is_empty() { writeln!(self.out, "{text}") } else { writeln!(self.out, "{label:<17} {text}") };
        written.map_err(|error| Failure::input_because("cannot write to standard output", &error))
    }

    fn introduce(&mut self, options: &Options, folder: &Path) -> Result<(), Failure> {
        let job = self.engine.job();
        let matching: Vec<String> = job.mappings.iter().flat_map(|set| set.matching()).map(|attribute| attribute.target.clone()).collect();
        let mapped: Vec<String> =
            job.mappings.iter().map(|set| format!("{} for {}", set.target_attributes().len(), set.object_type())).collect();
        let mappings = format!("attribute mappings: {}; matching on {}", mapped.join(", "), matching.join(", "));
        let service = format!("{} at {}", options.profile.name(), self.service.base_url());
        let what = if options.directory.is_some() { "" } else { " (invented)" };
        let rounds = self.pages.rounds().join(", ");
        self.say("service", &service)?;
        self.say("authorization", &self.authorization.describe())?;
        self.say("directory", &format!("{}{what}: {rounds}", folder.display()))?;
        self.say("job", &mappings)
    }

    async fn test_connection(&mut self) -> Result<(), Failure> {
        if let Err(error) = self.engine.test_connection().await {
            let is_switched_off = matches!(&error, ConnectionError::Refused(_)) && self.service.needs_directory_provider();
            if !is_switched_off {
                return Err(connection_failure(&error));
            }
            self.say("test connection", &error.to_string())?;
            self.service.set_directory_provider();
            self.say("", "                  the administrator sets the directory provider to SCIM")?;
            self.engine.test_connection().await.map_err(|error| connection_failure(&error))?;
        }
        self.say("test connection", "ok")
    }

    async fn days(&mut self) -> Result<(), Failure> {
        if self.run.stage == Stage::FirstDay {
            self.cycle("initial cycle").await?;
            self.reach(Stage::NextDay)?;
        }
        while self.pages.release_next_round() {}
        if self.run.stage == Stage::NextDay {
            match self.run.day {
                Day::Bad => self.bad_day().await?,
                _ => self.cycle("next day").await?,
            }
            self.reach(Stage::Done)?;
        }
        let writes = self.connection.counts().writes;
        self.cycle("third cycle").await?;
        let sent = self.connection.counts().writes - writes;
        self.say(
            "",
            &match sent {
                0 => "                  no write was sent".to_owned(),
                sent => format!("                  sent {}", counted(sent, "write")),
            },
        )
    }

    fn reach(&mut self, stage: Stage) -> Result<(), Failure> {
        self.run.stage = stage;
        self.home.write_run(&self.run)
    }

    async fn cycle(&mut self, name: &str) -> Result<(), Failure> {
        let result = self.try_cycle(name).await?;
        result.map_err(|error| cycle_failure(name, &error))
    }

    /// A day on which more is gone than may be: nobody is disabled before the administrator has said that it is right.
    async fn bad_day(&mut self) -> Result<(), Failure> {
        let name = "bad day";
        let held = match self.try_cycle(name).await? {
            Err(held @ CycleError::TooManyDeletes { .. }) => held,
            other => return other.map_err(|error| cycle_failure(name, &error)),
        };
        self.say("held", &held.to_string())?;
        let status = self.engine.status().await.map_err(|error| cycle_failure("reading the state", &error))?.status;
        if let Some(quarantine) = status.quarantine {
            let since = quarantine.current_began_at.strftime("%F %T");
            let next = quarantine.next_attempt_at.strftime("%T");
            self.say("quarantine", &format!("{:?} since {since}, next attempt at {next} (UTC)", quarantine.reason))?;
        }
        self.say_told()?;
        let staged = self.watch.staged();
        self.say("provisioning log", &format!("{} of removals that were held back, such as", counted(staged.count, "record")))?;
        if let Some(example) = &staged.example {
            self.say("", &format!("                  {example}"))?;
        }
        let plan = self.engine.waiting_plan().await.map_err(|error| cycle_failure("reading the plan", &error))?;
        let plan = plan.ok_or_else(|| Failure::cycle("the plan that was held back is gone"))?;
        self.say("released", "the administrator has looked and lets this plan pass, and no other removals")?;
        let releasing = self.engine.clone().with_removals_allowed();
        self.apply(name, &releasing, &plan.id, SystemClock::default().now()).await?.map_err(|error| cycle_failure(name, &error))?;
        self.say_told()
    }

    /// Shows whom the engine had told what.
    fn say_told(&mut self) -> Result<(), Failure> {
        for notice in self.watch.notices() {
            let to = if notice.to.is_empty() { "nobody, as the job names no address".to_owned() } else { notice.to.join(", ") };
            self.say("told", &format!("{to}: {}", notice.subject()))?;
        }
        Ok(())
    }

    /// Plans a cycle, shows the plan, and applies it. What ends the cycle is for the caller; what does not is a failure.
    async fn try_cycle(&mut self, name: &str) -> Result<Result<(), CycleError>, Failure> {
        let began_at = SystemClock::default().now();
        let planned = self.engine.plan_cycle().await;
        self.finish_watch()?;
        let plan = match planned {
            Ok(plan) => plan,
            Err(error) => return Ok(Err(error)),
        };
        self.show(name, &plan).await?;
        let engine = self.engine.clone();
        self.apply(name, &engine, &plan.id, began_at).await
    }

    /// Applies the plan of this id and tells what came of it.
    async fn apply(&mut self, name: &str, engine: &Engine, id: &str, began_at: Timestamp) -> Result<Result<(), CycleError>, Failure> {
        let applied = engine.apply_plan(id).await;
        self.finish_watch()?;
        match applied {
            Ok(report) => self.tell(name, &report, began_at, SystemClock::default().now()).map(Ok),
            Err(error) => Ok(Err(error)),
        }
    }

    fn finish_watch(&self) -> Result<(), Failure> {
        self.watch.finish().map_err(|error| Failure::cycle_because("the provisioning log could not be written", &error))
    }

    /// Shows what a plan is going to do, and writes it whole, as text and as JSON.
    async fn show(&mut self, name: &str, plan: &PlanHeader) -> Result<(), Failure> {
        let PlanCounts { creates, updates, disables, deletes, references, .. } = plan.counts;
        let what = format!("create {creates}, update {updates}, disable {disables}, delete {deletes}, references of {references}");
        self.say(name, &format!("plan: {what}"))?;
        if plan.counts.actions + references == 0 {
            return Ok(());
        }
        for change in self.engine.planned_changes(None, SHOWN_CHANGES).await.map_err(|error| cycle_failure("reading the plan", &error))? {
            for line in change.to_diff().lines() {
                self.say("", &format!("                  {line}"))?;
            }
        }
        for (format, ending) in [(PlanFormat::Diff, "diff"), (PlanFormat::Json, "json")] {
            let mut out = BufWriter::new(self.home.create_private_file(&format!("plan-{}.{ending}", plan.cycle))?);
            let written = self.engine.write_plan(format, &mut out).await;
            written.map_err(|error| cycle_failure("writing the plan", &error))?;
        }
        let whole = match self.home.is_temporary() {
            true => "`--state FOLDER` keeps the whole plan".to_owned(),
            false => format!("the whole plan: {}", self.home.file(&format!("plan-{}.diff", plan.cycle)).display()),
        };
        self.say("", &format!("                  {whole}"))
    }

    fn tell(&mut self, name: &str, report: &CycleReport, began_at: Timestamp, ended_at: Timestamp) -> Result<(), Failure> {
        self.say(name, &describe(report, began_at, ended_at))?;
        for (label, counts) in [("skipped", &report.skipped), ("failed", &report.failed)] {
            if !counts.is_empty() {
                self.say("", &format!("                  {label} {}: {}", counts.values().sum::<u64>(), by_reason(counts)))?;
            }
        }
        Ok(())
    }

    async fn compare(&mut self, options: &Options) -> Result<bool, Failure> {
        let has_groups = self.engine.job().catalog.resource_type("Group").is_some();
        let page_size = u32::try_from(self.engine.job().profile.paging.max_count).ok().and_then(PageSize::new).unwrap_or(PageSize::MAX);
        let content = Content::read(&self.connection.client, has_groups, page_size).await;
        let content = content.map_err(|error| Failure::cycle_because("the service could not be read back", &error))?;
        let unprovisioned = self.engine.unprovisioned().await.map_err(|error| cycle_failure("reading the state", &error))?;
        let expected = self.expected(options, &unprovisioned).await?;
        let mut comparison = content.compare(&expected);
        comparison.differences.extend(compare_unprovisioned(&unprovisioned, &expected.not_provisioned));

        let counts = self.connection.counts();
        let (reads, writes) = (counted(counts.reads, "read"), counted(counts.writes, "write"));
        self.say("requests", &format!("{reads}, {writes}, {} answers of 429", counts.throttled))?;
        let renewals = self.authorization.renewals();
        if renewals > 0 {
            self.say("access tokens", &format!("the service withdrew one; {} by refresh token", counted(renewals, "renewal")))?;
        }
        let log = match self.home.is_temporary() {
            true => format!("{}; `--state FOLDER` keeps them", counted(self.watch.records(), "record")),
            false => self.home.file("provisioning-log.jsonl").display().to_string(),
        };
        self.say("provisioning log", &log)?;
        self.say_unprovisioned(&expected)?;
        self.say_differences(&comparison, expected.not_provisioned.len())?;
        Ok(comparison.differences.is_empty() && counts.throttled == 0)
    }

    /// What the service must hold: reviewed by people for the invented directory; what the job wrote for any other.
    async fn expected(&mut self, options: &Options, unprovisioned: &[Unprovisioned]) -> Result<Expected, Failure> {
        let is_reviewed = options.directory.is_none() && options.job.is_none() && options.people == 500 && self.run.day == Day::Usual;
        if is_reviewed {
            return serde_json::from_str(options.profile.expected())
                .map_err(|error| Failure::input_because("the expected content", &error));
        }
        let linked = self.engine.linked().await.map_err(|error| cycle_failure("reading the state", &error))?;
        Ok(Expected::from_links(&linked, unprovisioned, &self.engine.job().profile))
    }

    fn say_unprovisioned(&mut self, expected: &Expected) -> Result<(), Failure> {
        let mut by_reason: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for person in &expected.not_provisioned {
            by_reason.entry(&person.reason).or_default().push(&person.user_principal_name);
        }
        if by_reason.is_empty() {
            return Ok(());
        }
        self.say("not provisioned", &format!("{} people of the directory", expected.not_provisioned.len()))?;
        for (reason, names) in by_reason {
            let shown: Vec<&str> = names.iter().copied().take(SHOWN).collect();
            let rest = names.len().saturating_sub(SHOWN);
            let rest = if rest > 0 { format!(" and {rest} more") } else { String::new() };
            self.say("", &format!("  {:>4}  {reason}: {}{rest}", names.len(), shown.join(", ")))?;
        }
        Ok(())
    }

    fn say_differences(&mut self, comparison: &Comparison, not_provisioned: usize) -> Result<(), Failure> {
        for difference in &comparison.differences {
            self.say("", &format!("difference: {difference}"))?;
        }
        let groups = if comparison.groups > 0 { format!(" and {} groups", comparison.groups) } else { String::new() };
        let count = comparison.differences.len();
        let verdict = if count == 0 { "in step" } else { "not in step" };
        self.say("", &format!("{verdict}: {} users{groups}, {count} differences, {not_provisioned} not provisioned", comparison.users))
    }
}

/// How many changes of a plan are shown.
const SHOWN_CHANGES: usize = 2;

/// How many names are shown for each reason.
const SHOWN: usize = 12;

fn describe(report: &CycleReport, began_at: Timestamp, ended_at: Timestamp) -> String {
    let seconds = ended_at.duration_since(began_at).as_secs_f64();
    let matching: String = report
        .matching
        .iter()
        .map(|(object_type, decision)| {
            format!("; {object_type} matched by {} ({})", decision.choice.name(), counted(decision.reads(), "read"))
        })
        .collect();
    let settled =
        if report.settled > 0 { format!("; settled {} of an earlier run", counted(report.settled, "request")) } else { String::new() };
    format!(
        "read {}; created {}, updated {}, disabled {}, deleted {}{matching}{settled} ({seconds:.1} s)",
        counted(report.imported, "change"),
        report.created,
        report.updated,
        report.disabled,
        report.deleted
    )
}

/// A number of things: `1 read`, `2 reads`.
fn counted(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

fn by_reason(counts: &BTreeMap<ErrorCode, u64>) -> String {
    let parts: Vec<String> = counts.iter().map(|(code, count)| format!("{count} {code}")).collect();
    parts.join(", ")
}

/// What the folder was used for, or a new run.
fn remember(home: &Home, options: &Options) -> Result<Run, Failure> {
    if let Some(run) = home.read_run()? {
        if run.profile != options.profile.name() {
            return Err(Failure::input(format!(
                "the state folder `{}` belongs to a run with `--profile {}`",
                home.folder().display(),
                run.profile
            )));
        }
        if run.day != options.day {
            let (folder, day) = (home.folder().display(), run.day.name());
            return Err(Failure::input(format!("the state folder `{folder}` belongs to a run with `--day {day}`")));
        }
        return Ok(run);
    }
    let token = uuid::Uuid::new_v4().simple().to_string();
    let run = Run { profile: options.profile.name().to_owned(), day: options.day, stage: Stage::FirstDay, token, is_new: true };
    home.write_run(&run)?;
    Ok(run)
}

/// The folder of the directory: the user's own, or an invented one that is written if it is not there yet.
fn directory(options: &Options, home: &Home) -> Result<PathBuf, Failure> {
    let good = match &options.directory {
        Some(path) => path.clone(),
        None => invented(options, home)?,
    };
    match options.day {
        Day::Bad => crate::bad_day::write(&good, home.file("bad-directory")),
        Day::Usual => Ok(good),
    }
}

fn invented(options: &Options, home: &Home) -> Result<PathBuf, Failure> {
    let folder = home.file("directory");
    let wanted = scimkit_example_directory::Options { people: usize::try_from(options.people).unwrap_or(500), ..Default::default() };
    scimkit_example_directory::generate(&wanted).write_to(&folder).map_err(|error| Failure::input_because("the directory", &error))?;
    Ok(folder)
}

/// The id of the application's service principal, from the first day of the directory.
fn service_principal(folder: &Path) -> Result<String, Failure> {
    let path = folder.join("initial").join("service-principal.json");
    let text = std::fs::read_to_string(&path);
    let text = text.map_err(|error| Failure::input_because(format!("cannot read `{}`", path.display()), &error))?;
    let document: Resource =
        serde_json::from_str(&text).map_err(|error| Failure::input_because(format!("`{}`", path.display()), &error))?;
    let id = document.get("id").and_then(Value::as_str);
    id.map(str::to_owned).ok_or_else(|| Failure::input(format!("`{}`: expected text at `id`", path.display())))
}

fn connection_failure(error: &ConnectionError) -> Failure {
    match error {
        ConnectionError::Unreachable(_) | ConnectionError::Busy(_) => Failure::cycle_because("test connection", error),
        _ => Failure::input_because("test connection", error),
    }
}

fn cycle_failure(name: &str, error: &CycleError) -> Failure {
    match error {
        CycleError::Source(source) if source.kind == SourceErrorKind::Invalid => Failure::input_because(name, error),
        _ => Failure::cycle_because(format!("{name} failed"), error),
    }
}
