//! Of what resources are members, directly and through others.

use super::Work;
use super::session::{Parameter, Session, parameters, short};
use crate::error::Result;
use crate::resource::{Edge, MAX_LEVELS, Membership, Tenant, memberships_of};

/// The memberships of resources, in the order of their ids.
pub(crate) struct Memberships(pub(crate) Tenant, pub(crate) Vec<String>);

impl Work for Memberships {
    type Answer = Vec<Vec<Membership>>;

    /// One statement for each level of nesting, however many resources are asked for.
    async fn run<S: Session>(&self, session: &mut S) -> Result<Self::Answer> {
        let Self(tenant, ids) = self;
        let scopes = session.rows("SELECT scope FROM @scope WHERE tenant = ?1", &parameters![tenant.as_str()]).await?;
        let scopes: Vec<i64> = scopes.into_iter().map(|mut row| row.take()).collect::<Result<_>>()?;
        let scopes = Parameter::Integers(scopes);
        let sql = format!(
            "SELECT m.value, r.id, s.resource_type, (SELECT coalesce(v.exact, v.folded) FROM @value v WHERE v.resource = r.resource \
             AND v.path = 'displayname' AND v.element = 0 AND v.ordinal = 0) \
             FROM @member m JOIN @resource r ON r.resource = m.resource JOIN @scope s ON s.scope = r.scope WHERE {} AND {}",
            S::DIALECT.among("m.scope", "?1"),
            S::DIALECT.among("m.value", "?2")
        );
        let mut edges: Vec<Edge> = Vec::new();
        let mut asked: std::collections::HashSet<String> =
            ids.iter().filter(|id| !id.contains('\0')).map(|id| short(id).into_owned()).collect();
        let mut level: Vec<String> = asked.iter().cloned().collect();
        for _ in 0..MAX_LEVELS {
            if level.is_empty() {
                break;
            }
            let rows = session.rows(&sql, &[scopes.clone(), Parameter::Texts(std::mem::take(&mut level))]).await?;
            for mut row in rows {
                let edge = Edge { member: row.take()?, id: row.take()?, resource_type: row.take()?, display: row.take()? };
                let next = short(&edge.id).into_owned();
                if asked.insert(next.clone()) {
                    level.push(next);
                }
                edges.push(edge);
            }
        }
        Ok(memberships_of(ids.iter().map(|id| short(id)), &edges, short))
    }
}
