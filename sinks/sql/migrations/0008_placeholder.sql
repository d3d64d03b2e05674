-- A migration that is made beside this branch takes this place.
select 1;
