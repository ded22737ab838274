-- Deploy frame:months
-- requires: outbox
-- Tables partitioned by month through a UUIDv7 key, which begins with its time: one column is key,
-- order and partition at once; or through a time, where the key is somebody else's. A service's
-- migration names its tables here; one function makes their partitions, in the migration and, month by
-- month, from the running service.
BEGIN;

CREATE TABLE month_table (
    parent  text PRIMARY KEY,
    storage text NOT NULL DEFAULT '' CHECK (storage ~ '^(|fillfactor = [1-9][0-9])$')
);
COMMENT ON TABLE month_table IS
    'Tables partitioned by month; storage is for tables whose rows are updated: room on their pages';

-- The smallest UUIDv7 of an instant: 48 bits of milliseconds, then zeros.
CREATE FUNCTION month_floor(at timestamptz) RETURNS uuid
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$ SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0')
                  || repeat('0', 20))::uuid $$;

-- An instant as a bound of the table's partitions: its key is a uuid or a timestamptz.
CREATE FUNCTION month_bound(parent regclass, at timestamptz) RETURNS text
    LANGUAGE sql STABLE STRICT
    AS $$ SELECT CASE WHEN atttypid = 'uuid'::regtype THEN month_floor(at)::text ELSE at::text END
          FROM pg_partitioned_table JOIN pg_attribute ON attrelid = partrelid AND attnum = partattrs[0]
          WHERE partrelid = parent $$;

-- Makes the partitions of the month of `from_time` and of the months after it (24 at most) that are
-- not there yet; how many were made. Owned by the role of the migrations, which alone may make
-- tables; called by the service.
CREATE FUNCTION month_make(from_time timestamptz, months integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    begins timestamp; -- of the month, UTC
    one    record;
    child  text;
    made   integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('month_make'));
    FOR m IN 0..least(greatest(months, 0), 24) LOOP
        begins := date_trunc('month', from_time AT TIME ZONE 'UTC') + make_interval(months => m);
        FOR one IN SELECT parent, storage FROM month_table ORDER BY parent LOOP
            child := one.parent || to_char(begins, '_YYYY_MM');
            CONTINUE WHEN to_regclass(child) IS NOT NULL;
            EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)%s',
                           child, one.parent,
                           month_bound(one.parent, begins AT TIME ZONE 'UTC'),
                           month_bound(one.parent, (begins + interval '1 month') AT TIME ZONE 'UTC'),
                           CASE one.storage WHEN '' THEN ''
                                ELSE format(' WITH (%s)', one.storage) END);
            made := made + 1;
        END LOOP;
    END LOOP;
    RETURN made;
END $$;
REVOKE ALL ON FUNCTION month_make(timestamptz, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION month_make(timestamptz, integer) TO :"role";

-- For the migration of a service: names its tables and makes their first partitions, from last month
-- on (a feed may be read again from there).
CREATE FUNCTION month_begin(storage text, VARIADIC parents text[]) RETURNS void
    LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
BEGIN
    INSERT INTO month_table (parent, storage)
    SELECT p, month_begin.storage FROM unnest(parents) p;
    PERFORM month_make(now() - interval '1 month', 4);
END $$;
REVOKE ALL ON FUNCTION month_begin(text, text[]) FROM PUBLIC;

-- The other way, for its revert; the tables themselves are dropped by the migration.
CREATE FUNCTION month_end(VARIADIC parents text[]) RETURNS void
    LANGUAGE sql SET search_path = public, pg_temp
    AS $$ DELETE FROM month_table WHERE parent = ANY (parents) $$;
REVOKE ALL ON FUNCTION month_end(text[]) FROM PUBLIC;

COMMIT;
