-- How SQL in the API role could try to become another tenant. `rowhouse check` runs each as one tenant, in a
-- transaction that is rolled back, and then looks for rows of the other, :tenant (:hex without hyphens). Most are refused;
-- what counts is that none has an effect. A paragraph is one attack: its name, and what is sent as one message.

-- naming the tenant in the setting that is only shown
set local app.tenant_id = ':tenant'

-- writing the protected setting
set local backtrace_functions = ':hex,61,owner'

-- writing the protected setting for the session
set backtrace_functions = ':hex,61,owner'

-- writing the protected setting in an expression
select pg_catalog.set_config('backtrace_functions', ':hex,61,owner', true)

-- writing the protected setting by way of its view
update pg_catalog.pg_settings set setting = ':hex,61,owner' where name = 'backtrace_functions'

-- a context with an invented seal
set local app.context = ':hex,61,owner.0000000000000000000000000000000000000000000000000000000000000000'

-- a context with an empty seal
set local app.context = ':hex,61,owner.'

-- stacking statements in one message
select 1; set local app.tenant_id = ':tenant'; set local backtrace_functions = ':hex,61,owner'; select 1

-- entering with a guessed secret
select platform.enter(':hex,61,owner', '\x00', 1, true)

-- entering without a secret
select platform.enter(':hex,61,owner', null, null, null)

-- asking for a seal
select platform.context_mac(':hex,61,owner')

-- becoming the owner
set role rowhouse_owner

-- becoming the control plane
set session authorization rowhouse_platform

-- switching row-level security off for the session
set row_security = off

-- starting the transaction anew
commit; begin
