"""What a table needs: intervals, floors, comparison, reports, figures, attention statistics."""
