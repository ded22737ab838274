-- Revert frame:effect
BEGIN;
DROP FUNCTION effect_finish(text[], text[], int4[], int2[]);
DROP TABLE effect_done, effect;
COMMIT;
