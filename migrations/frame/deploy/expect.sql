-- Deploy frame:expect
BEGIN;

-- For statements that write many rows at once: as many as were meant, or the transaction fails (class
-- 40) and is tried again, because what was read before does not hold any more.
CREATE FUNCTION expect_rows(are bigint, wanted bigint) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    IF are <> wanted THEN
        RAISE EXCEPTION '% rows of % are as they were', are, wanted USING ERRCODE = '40000';
    END IF;
    RETURN are;
END
$$;
REVOKE ALL ON FUNCTION expect_rows(bigint, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION expect_rows(bigint, bigint) TO :"role";

COMMIT;
