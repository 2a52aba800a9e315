-- Schema, roles and context functions of Holdfast.
--
-- Roles (cluster-wide, NOLOGIN):
--   holdfast_app     what operations run as: its own tenant and nothing else
--   holdfast_loops   what relay, workers and the other loops run as
--   holdfast_backup  reads everything, so that a dump is complete under FORCE ROW LEVEL SECURITY
-- The login role switches to them inside a transaction, without inheriting: a policy for a role
-- binds whoever inherits from it, so that a statement outside of any context would read what the
-- loops and the backup read. Only 16 and later can tell the two apart; on 15 the login role is no
-- member of holdfast_backup, which an administrator grants to the login that dumps.
-- Databases of one cluster share the roles and may be migrated at the same time: whoever comes
-- second takes them as they are.

CREATE SCHEMA IF NOT EXISTS holdfast;

DO $roles$
DECLARE
  role_name text;
  can_switch boolean;
  -- PostgreSQL 16 separates the right to SET ROLE from membership.
  is_16 boolean := pg_catalog.current_setting('server_version_num')::int >= 160000;
  privilege text := CASE WHEN is_16 THEN 'SET' ELSE 'MEMBER' END;
  terms text := CASE WHEN is_16 THEN ' WITH INHERIT FALSE, SET TRUE' ELSE '' END;
  granted text[] := ARRAY['holdfast_app', 'holdfast_loops']
    || CASE WHEN is_16 THEN ARRAY['holdfast_backup'] ELSE '{}' END;
  grants text := pg_catalog.format('GRANT %s TO %I%s;',
    pg_catalog.array_to_string(granted, ', '), current_user, terms);
BEGIN
  FOREACH role_name IN ARRAY ARRAY['holdfast_app', 'holdfast_loops', 'holdfast_backup'] LOOP
    CONTINUE WHEN EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = role_name);
    BEGIN
      EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN', role_name);
    EXCEPTION
      -- Made by another database of the cluster between the look and the leap.
      WHEN duplicate_object OR unique_violation THEN NULL;
      WHEN insufficient_privilege THEN
        RAISE EXCEPTION 'the role % may not create the role %', current_user, role_name
          USING ERRCODE = 'insufficient_privilege', HINT = pg_catalog.format(
            'Let an administrator run: CREATE ROLE holdfast_app NOLOGIN; CREATE ROLE holdfast_loops NOLOGIN; CREATE ROLE holdfast_backup NOLOGIN; %s -- or: ALTER ROLE %I CREATEROLE;',
            grants, current_user);
    END;
  END LOOP;
  FOREACH role_name IN ARRAY granted LOOP
    EXECUTE 'SELECT pg_catalog.pg_has_role(current_user, $1, $2)'
      INTO can_switch USING role_name, privilege;
    CONTINUE WHEN can_switch;
    BEGIN
      EXECUTE pg_catalog.format('GRANT %I TO %I%s', role_name, current_user, terms);
    EXCEPTION
      WHEN duplicate_object OR unique_violation THEN NULL;
      -- From 16 on, CREATEROLE alone gives no right to grant a role that another role made.
      WHEN insufficient_privilege THEN
        RAISE EXCEPTION 'the role % may not take on the role %', current_user, role_name
          USING ERRCODE = 'insufficient_privilege',
            HINT = pg_catalog.format('Let an administrator run: %s', grants);
    END;
  END LOOP;
  -- Its search path begins with "$user": names without a schema would mean ours, not public.
  IF current_user = 'holdfast' THEN
    EXECUTE pg_catalog.format('ALTER ROLE holdfast IN DATABASE %I SET search_path = public',
      pg_catalog.current_database());
  END IF;
END
$roles$;

-- The tenant of this transaction. A missing context raises: it never means zero rows, and a setting
-- that was reset reads as an empty string. Use it in policies: tenant_id = holdfast.tenant().
--
-- A plain SQL expression, so that the planner puts it in line: policies and defaults call it for
-- every row written, and a call of PL/pgSQL would cost more than the rest of the policy.
CREATE FUNCTION holdfast.no_tenant() RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $$
BEGIN
  RAISE EXCEPTION 'no tenant context'
    USING ERRCODE = 'HF001',
      HINT = 'Tenant tables are used inside an operation, or after SELECT set_config(''holdfast.tenant'', <tenant>, true) in the same transaction.';
END
$$;

CREATE FUNCTION holdfast.tenant() RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN coalesce(
  nullif(pg_catalog.current_setting('holdfast.tenant', true), ''),
  holdfast.no_tenant()
);

-- Who acts in this transaction; NULL where nobody is named.
CREATE FUNCTION holdfast.actor() RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN nullif(pg_catalog.current_setting('holdfast.actor', true), '');

-- The fence of a batch that ends in COMMIT: an UPDATE that met no row commits, an error does not.
-- VOLATILE, so that no plan may skip it. NULL counts as not fulfilled.
CREATE FUNCTION holdfast.require(ok boolean, code text, message text) RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL SAFE
AS $$
BEGIN
  IF ok IS NOT TRUE THEN
    RAISE EXCEPTION USING ERRCODE = code, MESSAGE = message;
  END IF;
  RETURN true;
END
$$;

GRANT USAGE ON SCHEMA holdfast TO holdfast_app, holdfast_loops, holdfast_backup;
GRANT SELECT ON holdfast.migrations, holdfast.table_owners
  TO holdfast_app, holdfast_loops, holdfast_backup;

-- Tables that modules make later, by this role, in schema public. Row level security, not the
-- privilege, keeps tenants apart. Tables in another schema state their grants in their migration.
GRANT USAGE ON SCHEMA public TO holdfast_app, holdfast_loops, holdfast_backup;
ALTER DEFAULT PRIVILEGES IN SCHEMA public
  GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO holdfast_app, holdfast_loops;
ALTER DEFAULT PRIVILEGES IN SCHEMA public
  GRANT USAGE, SELECT ON SEQUENCES TO holdfast_app, holdfast_loops;
ALTER DEFAULT PRIVILEGES IN SCHEMA public
  GRANT SELECT ON TABLES TO holdfast_backup;
ALTER DEFAULT PRIVILEGES IN SCHEMA public
  GRANT SELECT ON SEQUENCES TO holdfast_backup;
