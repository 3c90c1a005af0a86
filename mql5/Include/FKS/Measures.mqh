// Simple measures of a series of prices, oldest first: average, relative strength, volatility.
#ifndef FKS_MEASURES_MQH
#define FKS_MEASURES_MQH

// The mean of the last `count` prices; 0 while there are fewer.
double SimpleAverage(const double &prices[], const int count)
{
   int size = ArraySize(prices);
   if(count < 1 || size < count)
      return 0;
   double sum = 0;
   for(int i = size - count; i < size; i++)
      sum += prices[i];
   return sum / count;
}

// Wilder's relative strength index over the last `count` changes with equal weights, 0 to 100; 50
// when nothing moved; -1 while there are too few prices.
double RelativeStrength(const double &prices[], const int count)
{
   int size = ArraySize(prices);
   if(count < 1 || size < count + 1)
      return -1;
   double gain = 0;
   double loss = 0;
   for(int i = size - count; i < size; i++)
   {
      double change = prices[i] - prices[i - 1];
      gain += MathMax(change, 0.0);
      loss += MathMax(-change, 0.0);
   }
   return gain + loss > 0 ? 100 * gain / (gain + loss) : 50;
}

// The standard deviation of the last `count` logarithmic returns; -1 while there are too few prices
// or one of them is not positive.
double Volatility(const double &prices[], const int count)
{
   int size = ArraySize(prices);
   if(count < 2 || size < count + 1)
      return -1;
   double sum = 0;
   double squares = 0;
   for(int i = size - count; i < size; i++)
   {
      if(prices[i] <= 0 || prices[i - 1] <= 0)
         return -1;
      double change = MathLog(prices[i] / prices[i - 1]);
      sum += change;
      squares += change * change;
   }
   double mean = sum / count;
   return MathSqrt(MathMax(0.0, (squares - count * mean * mean) / (count - 1)));
}

#endif
