"""Where the spend of budgets leads, from what past days say. Read next: `forecast.projecting`."""
