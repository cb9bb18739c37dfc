"""The promise about people: pseudonyms in place of GitHub's ids, and forgetting somebody for good.

Here belongs what is shown of a person and how one is removed. Which numbers are withheld because they rest on too few
people is decided in `dbt_like_sql/people/`. `flat/` asks here before a row is written, landing before a record is.
"""
