-- key: app.customers_settings_idx
create index customers_settings_idx on app.customers using gin (settings);
