//! Objects that are found and read, and by whom.

use std::sync::Arc;

use strongroom_model::{AttributeType, Attributes, Handle, Place, Role};
use strongroom_node::Node;
use strongroom_wire::{Request, Response};

use super::client::Answer;
use super::deed::Deed;
use super::judge::Wish;
use super::world::World;

impl World {
    /// Reads what there is to read of an object.
    pub(super) fn look(&mut self, client: usize, node: &Arc<Node>) -> Result<Deed, String> {
        let Some(handle) = self.some_key(client, node) else { return Ok(self.nothing_there()) };
        let request = match self.dice.below(4) {
            0 => Request::Object { handle },
            1 => Request::Ownership { handle },
            2 => Request::ObjectSize { handle },
            _ => Request::GetAttributes { handle, types: vec![AttributeType::LABEL] },
        };
        let answer = self.ask(client, node, None, request)?;
        if answer.is_ok() {
            self.judge_seen(client, &answer, handle)?;
        }
        if handle.place() == Place::Cluster {
            self.judge(&answer, &Wish::See(handle), answer.healthy)?;
        }
        Ok(self.concluded("look", &answer, handle))
    }

    pub(super) fn find(&mut self, client: usize, node: &Arc<Node>) -> Result<Deed, String> {
        let request = Request::Find { template: Attributes::new(), after: None, limit: 1000 };
        let answer = self.ask(client, node, None, request)?;
        let deed = Deed::new("find", self.doing.clone());
        let (word, outcome) = (answer.word(), self.outcome(answer.is_ok()));
        let Ok(Response::Found(found)) = &answer.reply.result else {
            return Ok(deed.ended(word, outcome));
        };
        for info in &found.objects {
            self.judge_seen(client, &answer, info.handle)?;
        }
        let sees = |handle: &Handle| answer.view.allows(answer.who.as_ref(), &Wish::See(*handle));
        let missing = answer
            .view
            .objects
            .keys()
            .find(|handle| sees(handle) && !found.objects.iter().any(|info| info.handle == **handle));
        match missing {
            Some(handle) if answer.healthy => Err(format!("object {handle} isn't found by who may")),
            _ => Ok(deed.ended(format!("{} objects", found.objects.len()), outcome)),
        }
    }

    fn judge_seen(&self, client: usize, answer: &Answer, handle: Handle) -> Result<(), String> {
        let seen = match handle.place() {
            Place::Cluster => answer.view.allows(answer.who.as_ref(), &Wish::See(handle)),
            Place::Node(_) => {
                // An officer sees keys, whoever its program was before.
                answer.who.as_ref().is_some_and(|login| login.role == Role::Admin)
                    || self.may_touch(client, answer, handle) != Some(false)
            }
        };
        if seen { Ok(()) } else { Err(format!("object {handle} is found by who may not")) }
    }
}
