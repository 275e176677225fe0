"""The held-out half of the corrections trial: wordings, scenes, values and shapes that the other half does not have."""
