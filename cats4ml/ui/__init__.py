"""The look: template tags and the small geometry behind them. Knows no table and no rule."""
