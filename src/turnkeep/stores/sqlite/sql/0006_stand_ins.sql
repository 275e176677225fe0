-- Which live summaries another is to replace; in nearly all files none.

CREATE INDEX summaries_stand_ins ON summaries (number) WHERE live = 1 AND source GLOB '*, in place of *';
