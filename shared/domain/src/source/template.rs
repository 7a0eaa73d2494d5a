//! Checks templates before they are stored.

use super::Template;
use crate::alert::Attribute;
use crate::alert::attribute::Merge;
use crate::choice::Configured;
use crate::expression::{ExpressionError, ValueType, check_binding, literal_fits};
use crate::template::Binding;

impl Template {
    /// Checks the template without the organisation's attributes.
    ///
    /// # Errors
    /// [`ExpressionError`] with the field, within the template.
    pub fn check(&self) -> Result<(), ExpressionError> {
        let shapes =
            crate::expression::check(&self.expressions).map_err(|misfit| misfit.within("expressions"))?;
        for (n, bound) in self.attributes.iter().enumerate() {
            for binding in &bound.values {
                check_binding(&self.expressions, &shapes, binding).map_err(|misfit| {
                    ExpressionError::new(format!("attributes.{n}.binding"), misfit.reason)
                })?;
            }
        }
        for (field, binding) in [("title", &self.title), ("description", &self.description)] {
            check_binding(&self.expressions, &shapes, binding).map_err(|misfit| misfit.within(field))?;
        }
        Ok(())
    }

    /// Checks the template against the organisation's attributes.
    ///
    /// # Errors
    /// [`ExpressionError`] with the field, within the template.
    pub fn fits(&self, known: &[Configured<Attribute>]) -> Result<(), ExpressionError> {
        let shapes =
            crate::expression::check(&self.expressions).map_err(|misfit| misfit.within("expressions"))?;
        for (n, bound) in self.attributes.iter().enumerate() {
            let misfit =
                |field: &str, reason: String| ExpressionError::new(format!("attributes.{n}.{field}"), reason);
            let Some(attribute) = known.iter().find(|known| known.id == bound.attribute) else {
                let reason = format!("there is no alert attribute `{}`", bound.attribute);
                return Err(misfit("alert_attribute_id", reason));
            };
            let (attribute, wanted) = (&attribute.what, ValueType::named(&attribute.what.kind));
            if bound.values.len() > 1 && !attribute.array {
                return Err(misfit(
                    "binding.array_value",
                    format!("the alert attribute `{}` takes a single value", attribute.name),
                ));
            }
            for binding in &bound.values {
                let shape = check_binding(&self.expressions, &shapes, binding)
                    .map_err(|wrong| misfit("binding", wrong.reason))?;
                if let Binding::Literal(text) = binding {
                    literal_fits(text, wanted).map_err(|reason| misfit("binding", reason))?;
                }
                if !shape.kind.fits(wanted) && wanted != ValueType::Text {
                    let reason = format!(
                        "the alert attribute `{}` is {}, but this is {}",
                        attribute.name,
                        wanted.name(),
                        shape.kind.name()
                    );
                    return Err(misfit("binding", reason));
                }
                if shape.list == Some(true) && !attribute.array {
                    return Err(misfit(
                        "binding",
                        format!(
                            "the alert attribute `{}` takes a single value, but this is a list",
                            attribute.name
                        ),
                    ));
                }
            }
            match bound.merge {
                Some(Merge::Append) if !attribute.array => {
                    let reason = format!(
                        "the alert attribute `{}` takes a single value, so values cannot be added to it",
                        attribute.name
                    );
                    return Err(misfit("binding.merge_strategy", reason));
                }
                Some(Merge::Max | Merge::Min) if wanted != ValueType::Number => {
                    let reason = format!(
                        "the alert attribute `{}` is not a number, so no value is the greatest",
                        attribute.name
                    );
                    return Err(misfit("binding.merge_strategy", reason));
                }
                Some(_) | None => {}
            }
        }
        Ok(())
    }
}
