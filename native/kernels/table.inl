// The kernels of one instruction set, for its translation unit.
#include "kernels/norms.inl"
#include "kernels/pointwise.inl"
#include "kernels/products.inl"
#include "kernels/reductions.inl"

namespace recurra::RECURRA_ISA {

template <int op, class Does, class T>
constexpr RowKernel<T> pointwise_of() {
  static_assert(inputs_of(op) == Does::kInputs, "the checker knows another number of inputs");
  return pointwise<Does, T>;
}

template <class T>
constexpr RowKernel<T> kRowKernels[kRowOps] = {
    copy_any<T>,
#define RECURRA_POINTWISE(name) pointwise_of<kOp_##name, Op_##name, T>(),
    RECURRA_POINTWISE(neg) RECURRA_POINTWISE(exp) RECURRA_POINTWISE(log) RECURRA_POINTWISE(tanh)
        RECURRA_POINTWISE(sigmoid) RECURRA_POINTWISE(softplus) RECURRA_POINTWISE(silu)
            RECURRA_POINTWISE(gelu) RECURRA_POINTWISE(erf) RECURRA_POINTWISE(relu)
                RECURRA_POINTWISE(sqrt) RECURRA_POINTWISE(rsqrt) RECURRA_POINTWISE(abs)
                    RECURRA_POINTWISE(sin) RECURRA_POINTWISE(cos) RECURRA_POINTWISE(sign)
                        RECURRA_POINTWISE(add) RECURRA_POINTWISE(sub) RECURRA_POINTWISE(mul)
                            RECURRA_POINTWISE(div) RECURRA_POINTWISE(pow) RECURRA_POINTWISE(max)
                                RECURRA_POINTWISE(min) RECURRA_POINTWISE(less) RECURRA_POINTWISE(
                                    less_equal) RECURRA_POINTWISE(equal) RECURRA_POINTWISE(not_)
                                    RECURRA_POINTWISE(and_) RECURRA_POINTWISE(sigmoid_slope)
                                        RECURRA_POINTWISE(tanh_slope) RECURRA_POINTWISE(where)
                                            RECURRA_POINTWISE(fma) RECURRA_POINTWISE(fms)
                                                RECURRA_POINTWISE(fnma)
#undef RECURRA_POINTWISE
                                                    sum<T>,
    mean<T>,
    largest<T>,
    norm_scale<T>,
    standardize<T>,
    norm_slope<T>,
    matvec<T>,
    matvec_transposed<T>,
    one_hot<T>,
    gather<T>,
};

template <class T>
const Kernels<T>& table() {
  static constexpr Kernels<T> kTable = {
      packed_size<T>,   pack<T>,  product<T>,     product_of_one_row<T>, kWidePanel<T>,
      outer_scratch<T>, outer<T>, kRowKernels<T>, add_rows<T>,           add_products<T>};
  return kTable;
}

template const Kernels<float>& table<float>();
template const Kernels<double>& table<double>();

}  // namespace recurra::RECURRA_ISA
