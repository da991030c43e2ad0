//! The source.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use http::Uri;
use scimkit_client::Transport;
use scimkit_provisioning::{Assignments, Position, Source, SourceChange, SourceError, SourceErrorKind, SourcePage};
use serde::{Deserialize, Serialize};

use super::options::GraphOptions;
use super::page;
use super::request;

/// A directory that is read by Microsoft Graph's delta queries.
///
/// It tells users and then groups. A position is the link that the page before gave, used exactly as it came, with the number of pages and
/// objects read so far in the round. Links to another host than the base are refused.
#[derive(Clone, Debug)]
pub struct GraphSource {
    transport: Arc<dyn Transport>,
    options: GraphOptions,
    base: Uri,
}

/// What a [`Position`] holds.
#[derive(Debug, Serialize, Deserialize)]
struct Place {
    link: String,
    #[serde(default)]
    pages: u64,
    #[serde(default)]
    objects: u64,
}

impl GraphSource {
    /// A directory behind a transport, which authorizes the requests and repeats them where that is wanted.
    ///
    /// # Errors
    /// [`SourceErrorKind::Invalid`] if the base is not an absolute address, or a property or the service principal's id is not a name.
    pub fn new(transport: Arc<dyn Transport>, options: GraphOptions) -> Result<Self, SourceError> {
        let base: Uri = options.base.parse().map_err(|error: http::uri::InvalidUri| {
            invalid(format!("expected an address such as `https://graph.microsoft.com/v1.0`, found `{}`", options.base)).with_source(error)
        })?;
        if base.scheme().is_none() || base.authority().is_none() || base.query().is_some() {
            return Err(invalid(format!("expected an address such as `https://graph.microsoft.com/v1.0`, found `{}`", options.base)));
        }
        if !is_name(&options.service_principal_id) {
            return Err(invalid(format!("expected the id of a service principal, found `{}`", options.service_principal_id)));
        }
        for property in options.user_properties.iter().chain(&options.group_properties) {
            if !is_name(property) {
                return Err(invalid(format!("expected the name of a property, found `{property}`")));
            }
        }
        Ok(Self { transport, options, base })
    }

    fn start(&self, object_type: &str) -> Result<Place, SourceError> {
        let (endpoint, properties) = match object_type {
            "User" => ("users", &self.options.user_properties),
            "Group" => ("groups", &self.options.group_properties),
            other => return Err(invalid(format!("expected the object type `User` or `Group`, found `{other}`"))),
        };
        let link = format!("{}/{endpoint}/delta?$select={}", self.root(), properties.join(","));
        Ok(Place { link, pages: 0, objects: 0 })
    }

    fn root(&self) -> &str {
        self.options.base.trim_end_matches('/')
    }

    /// The page at a place, within the limits of a round.
    async fn changes(&self, place: &Place) -> Result<(request::Answer, page::Page<SourceChange>), SourceError> {
        let limits = self.options.limits;
        if place.pages >= limits.pages_per_round {
            return Err(invalid(format!("the round has more than {} pages, which is the limit", limits.pages_per_round)));
        }
        let answer = self.get(&place.link).await?;
        let left = usize::try_from(limits.objects_per_round.saturating_sub(place.objects)).unwrap_or(usize::MAX);
        let page = page::changes(&answer.body, left).map_err(|message| answer.invalid(&message))?;
        Ok((answer, page))
    }

    async fn get(&self, link: &str) -> Result<request::Answer, SourceError> {
        request::get(self.transport.as_ref(), &self.base, link, self.options.limits.page_bytes).await
    }
}

#[async_trait]
impl Source for GraphSource {
    fn object_types(&self) -> Vec<String> {
        vec!["User".to_owned(), "Group".to_owned()]
    }

    async fn read(&self, object_type: &str, position: Option<&Position>) -> Result<SourcePage, SourceError> {
        let start = self.start(object_type)?;
        let place = match position {
            None => start,
            Some(position) => serde_json::from_str(position.as_str())
                .map_err(|error| invalid("expected a position that this source gave".to_owned()).with_source(error))?,
        };
        let (answer, page) = self.changes(&place).await?;
        let (next, is_last) = match (page.next_link, page.delta_link) {
            (Some(link), None) => {
                let objects = u64::try_from(page.values.len()).unwrap_or(u64::MAX);
                (Place { link, pages: place.pages + 1, objects: place.objects.saturating_add(objects) }, false)
            }
            (None, Some(link)) => (Place { link, pages: 0, objects: 0 }, true),
            (Some(_), Some(_)) => return Err(answer.invalid("expected one of `@odata.nextLink` and `@odata.deltaLink`, found both")),
            (None, None) => return Err(answer.invalid("expected one of `@odata.nextLink` and `@odata.deltaLink`, found none")),
        };
        request::address(&self.base, &next.link).map_err(|error| answer.invalid(&error.message))?;
        let next = serde_json::to_string(&next).map_err(|error| invalid("cannot write a position".to_owned()).with_source(error))?;
        Ok(SourcePage::new(page.values, Position::new(next), is_last))
    }

    /// A first round that is filtered by the id, whose last link nobody follows.
    async fn read_one(&self, object_type: &str, id: &str) -> Result<Option<Vec<SourceChange>>, SourceError> {
        if !is_name(id) {
            return Err(invalid(format!("expected the id of an object, found `{}`", id.escape_default())));
        }
        let mut place = self.start(object_type)?;
        place.link.extend(["&$filter=id%20eq%20'", id, "'"]);
        let mut changes = Vec::new();
        loop {
            let (answer, page) = self.changes(&place).await?;
            place.objects = place.objects.saturating_add(u64::try_from(page.values.len()).unwrap_or(u64::MAX));
            changes.extend(page.values.into_iter().filter(|change| change.id == id));
            let Some(next) = page.next_link else { return Ok(Some(changes)) };
            request::address(&self.base, &next).map_err(|error| answer.invalid(&error.message))?;
            (place.link, place.pages) = (next, place.pages + 1);
        }
    }

    async fn assignments(&self) -> Result<Assignments, SourceError> {
        let limits = self.options.limits;
        let service_principal = format!("{}/servicePrincipals/{}", self.root(), self.options.service_principal_id);
        let mut link = Some(format!("{service_principal}/appRoleAssignedTo"));
        let (mut assignments, mut pages) = (BTreeSet::new(), 0);
        while let Some(place) = link {
            if pages >= limits.pages_per_round {
                return Err(invalid(format!("the assignments have more than {} pages, which is the limit", limits.pages_per_round)));
            }
            pages += 1;
            let answer = self.get(&place).await?;
            let held = u64::try_from(assignments.len()).unwrap_or(u64::MAX);
            let left = usize::try_from(limits.objects_per_round.saturating_sub(held)).unwrap_or(usize::MAX);
            let page = page::assignments(&answer.body, left).map_err(|message| answer.invalid(&message))?;
            assignments.extend(page.values.into_iter().flatten());
            if let Some(next) = &page.next_link {
                request::address(&self.base, next).map_err(|error| answer.invalid(&error.message))?;
            }
            link = page.next_link;
        }
        let answer = self.get(&format!("{service_principal}?$select=id,appRoles")).await?;
        let app_roles = page::app_roles(&answer.body).map_err(|message| answer.invalid(&message))?;
        Ok(Assignments::new(assignments.into_iter().collect(), app_roles))
    }
}

/// Whether it is a name that may stand in an address as it is.
fn is_name(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

fn invalid(message: String) -> SourceError {
    SourceError::new(SourceErrorKind::Invalid, message)
}
