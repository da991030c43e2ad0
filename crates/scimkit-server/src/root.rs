//! Queries over all resource types (RFC 7644 section 3.4.2.1).

use bytes::Bytes;
use http::request::Parts;
use scimkit_types::ScimType;

use crate::authenticate::Actor;
use crate::exchange::Exchange;
use crate::limit::Class;
use crate::policy::Action;
use crate::present::present;
use crate::query;
use crate::respond::Refusal;
use crate::server::{Answer, Server, list};

impl Server {
    /// Answers a query at the root. Results are those of the first resource type, then of the second and so on, each sorted by itself;
    /// a page may hold several types. A policy that refuses one of the types refuses the query.
    pub(crate) async fn query_all(&self, exchange: &Exchange, actor: &Actor, parts: &Parts, body: &Bytes) -> Answer {
        let config = &self.inner.config;
        let rules = config.rules.of(&actor.tenant);
        for resource_type in config.catalog.resource_types() {
            self.admit(actor, resource_type, Action::Query, None)?;
        }
        if body.len() > rules.max_body {
            return Err(Refusal::BodyTooLarge { limit: rules.max_body });
        }
        self.charge(exchange, actor, Class::Read, 1)?;
        let request = self.search_request(actor, parts, body)?;
        if request.cursor.is_some() && config.cursors.is_some() {
            return Err(Refusal::of(ScimType::InvalidCursor, "queries over all resource types have no cursors, use `startIndex`"));
        }
        let (searches, tolerances) = query::resolve_all(config, rules, &request)?;
        self.inner.tolerances.count(&actor.tenant, tolerances);
        let start_index = searches.first().map_or(1, |(_, search)| search.start_index);
        let (mut total, mut resources) = (0_u64, Vec::new());
        for (resource_type, mut search) in searches {
            if search.filter.as_ref().is_some_and(|filter| query::excludes(filter.root(), resource_type)) {
                continue;
            }
            search.start_index = start_index.saturating_sub(total).max(1);
            search.count = search.count.saturating_sub(u64::try_from(resources.len()).unwrap_or(u64::MAX));
            let context = self.context(exchange, actor, resource_type);
            let found = self.find(exchange, &context, &search).await?;
            total = total.saturating_add(found.total);
            query::check_total(rules, total)?;
            resources.extend(found.resources.into_iter().map(|resource| present(&context, resource, &search.projection).resource));
        }
        Ok(list(start_index, total, resources))
    }
}
